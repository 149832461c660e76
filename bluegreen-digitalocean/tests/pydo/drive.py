"""Drives the fake with DigitalOcean's own client, through the calls that this crate makes: drive.py URL TOKEN, and on
standard input what there is: {"balancer": ID, "app": ID, "domain": NAME, "record": ID}."""

import json
import sys
import time

from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from pydo import Client


def until(what, ready):
    for _ in range(200):
        if ready():
            return
        time.sleep(0.02)
    raise SystemExit(f"{what} took too long")


def main():
    url, token = sys.argv[1:]
    there = json.load(sys.stdin)
    # Its own way of sending a token refuses http, which the fake speaks on loopback.
    sent = AzureKeyCredentialPolicy(AzureKeyCredential(token), "Authorization", prefix="Bearer")
    client = Client(token=token, endpoint=url, authentication_policy=sent)

    assert client.account.get()["account"]["status"] == "active"

    # Droplets, by tag and page by page.
    listed, page = [], 1
    while True:
        answer = client.droplets.list(tag_name="shop-green", per_page=2, page=page)
        listed += [droplet["id"] for droplet in answer["droplets"]]
        if "next" not in answer.get("links", {}).get("pages", {}):
            break
        page += 1
    assert len(set(listed)) == answer["meta"]["total"] == 4, listed

    # A balancer: what a GET shows is no body for a PUT, and the mapping of it is.
    balancers = client.load_balancers
    shown = balancers.get(there["balancer"])["load_balancer"]
    assert shown["status"] == "active", shown
    try:
        balancers.update(there["balancer"], shown)
        raise SystemExit("a GET sent back verbatim was taken")
    except HttpResponseError as error:
        assert error.status_code == 422, error
    settings = {
        key: value
        for key, value in shown.items()
        if key not in ("id", "ip", "ipv6", "status", "created_at", "region", "droplet_ids", "tag")
    }
    settings |= {"region": shown["region"]["slug"], "tag": "shop-green"}
    changed = balancers.update(there["balancer"], settings)["load_balancer"]
    assert changed["status"] == "new" and changed["tag"] == "shop-green", changed
    try:
        balancers.update(there["balancer"], settings | {"tag": "shop-blue"})
        raise SystemExit("a change was taken while another was on its way")
    except HttpResponseError as error:
        assert error.status_code == 403, error
    until("the balancer", lambda: balancers.get(there["balancer"])["load_balancer"]["status"] == "active")

    # An app: a changed spec begins a deployment, which becomes active.
    app = client.apps.get(there["app"])["app"]
    spec = app["spec"]
    spec["services"][0]["instance_count"] = 3
    client.apps.update(there["app"], {"spec": spec})

    def is_active():
        deployments = client.apps.list_deployments(there["app"])["deployments"]
        newest = client.apps.get_deployment(there["app"], deployments[0]["id"])["deployment"]
        return newest["phase"] == "ACTIVE"

    until("the deployment", is_active)
    active = client.apps.get(there["app"])["app"]["active_deployment"]
    assert active["spec"]["services"][0]["instance_count"] == 3, active

    # A record: a change names its type.
    domains = client.domains
    record = domains.get_record(there["domain"], there["record"])["domain_record"]
    change = {"type": record["type"], "data": "10.0.0.2"}
    assert domains.patch_record(there["domain"], there["record"], change)["domain_record"]["data"] == "10.0.0.2"

    # What is not there.
    answer = balancers.get("00000000-0000-0000-0000-000000000000")
    assert answer["id"] == "not_found", answer


main()
