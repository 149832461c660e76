# What a deployment changes is left alone by Terraform: weights, stickiness, and the size of the groups.
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.fixit.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = aws_acm_certificate.fixit.arn

  default_action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_lb_target_group.slot["blue"].arn
        weight = 100
      }
      target_group {
        arn    = aws_lb_target_group.slot["green"].arn
        weight = 0
      }
    }
  }

  lifecycle {
    ignore_changes = [default_action]
  }
}

resource "aws_autoscaling_group" "slot" {
  for_each          = toset(["blue", "green"])
  name              = "fixit-${each.key}"
  min_size          = 0
  max_size          = 6
  target_group_arns = [aws_lb_target_group.slot[each.key].arn]
  # launch_template, vpc_zone_identifier, …

  lifecycle {
    ignore_changes = [desired_capacity, min_size]
  }
}

resource "aws_codedeploy_deployment_group" "slot" {
  for_each               = toset(["blue", "green"])
  app_name               = aws_codedeploy_app.fixit.name
  deployment_group_name  = each.key
  service_role_arn       = aws_iam_role.codedeploy.arn
  autoscaling_groups     = [aws_autoscaling_group.slot[each.key].name]
  deployment_config_name = "CodeDeployDefault.AllAtOnce"

  # No load_balancer_info, no blue_green_deployment_config: the router moves the traffic, and nobody else.
  deployment_style {
    deployment_option = "WITHOUT_TRAFFIC_CONTROL"
    deployment_type   = "IN_PLACE"
  }
}

# With weighted records instead of a balancer.
resource "aws_route53_record" "slot" {
  for_each       = toset(["blue", "green"])
  zone_id        = aws_route53_zone.fixit.zone_id
  name           = "api.fixit.example"
  type           = "A"
  set_identifier = each.key

  alias {
    name                   = aws_lb.stack[each.key].dns_name
    zone_id                = aws_lb.stack[each.key].zone_id
    evaluate_target_health = true
  }

  weighted_routing_policy {
    weight = each.key == "blue" ? 100 : 0
  }

  lifecycle {
    ignore_changes = [weighted_routing_policy, ttl]
  }
}
