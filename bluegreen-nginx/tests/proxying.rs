//! What `proxy_pass` with a variable does to addresses, and what internal redirects do to the slot.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod common;

use bluegreen_core::Router;
use common::clients::{client, text};
use common::{Nginx, Setting, green, op};

const KINDS: &str = r"
    location /plain/ { proxy_pass http://$bluegreen_shop_web; }
    location /with-uri/ { proxy_pass http://$bluegreen_shop_web/app/; }
    location /moved/ { rewrite ^/moved/(.*)$ /app/$1 break; proxy_pass http://$bluegreen_shop_web; }
    location = /redirect { proxy_pass http://$bluegreen_shop_web; }
    location = /hosted/redirect { rewrite ^ /redirect break; proxy_pass http://$bluegreen_shop_web; proxy_set_header Host $http_host; }
    location = /mapped/redirect { rewrite ^ /redirect break; proxy_pass http://$bluegreen_shop_web; proxy_redirect http://$proxy_host/ /; }
";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn addresses_reach_the_backend_as_the_readme_says() {
    let nginx = Nginx::installed(Setting {
        server: KINDS.to_owned(),
        ..Setting::default()
    })
    .await
    .0;
    for (asked, arrives) in [
        ("/plain/a%2Fb?c=d", "blue /plain/a%2Fb?c=d 0"),
        // The trap: with a variable, an address after it replaces everything.
        ("/with-uri/a?c=d", "blue /app/ 0"),
        ("/moved/a?c=d", "blue /app/a?c=d 0"),
    ] {
        assert_eq!(text(&nginx.url(asked)).await, arrives);
    }
    let public = nginx.public;
    for (asked, location) in [
        // Without a Host header of its own the backend hears the name of the upstream.
        ("/redirect", "http://bluegreen_shop_web_blue/target".to_owned()),
        ("/hosted/redirect", format!("http://{public}/target")),
        ("/mapped/redirect", format!("http://{public}/target")),
    ] {
        let answer = client().get(nginx.url(asked)).send().await.unwrap();
        assert_eq!(answer.headers()["location"], location.as_str(), "{asked}");
    }
}

const REDIRECTS: &str = r#"
    proxy_intercept_errors on;
    location / { proxy_pass http://$bluegreen_shop_web; add_header X-First $upstream_addr; error_page 404 /error/missing.html; error_page 500 = @broken; }
    location /error/ { internal; proxy_pass http://$bluegreen_shop_web; }
    location @broken { rewrite ^ /named break; proxy_pass http://$bluegreen_shop_web; }
    location /tried/ { try_files /nothing /tried-instead; }
    location = /tried-instead { proxy_pass http://$bluegreen_shop_web; }
    location /asked/ { auth_request /auth; rewrite ^/asked(/.*) $1 break; proxy_pass http://$bluegreen_shop_web; }
    location = /auth { internal; proxy_pass http://$bluegreen_shop_web; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
"#;

// Each request is a client of its own; if an internal redirect decided anew, half of them would change.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn an_internal_redirect_keeps_the_slot() {
    let mut nginx = Nginx::start(Setting {
        server: REDIRECTS.to_owned(),
        ..Setting::default()
    })
    .await;
    nginx.config.key = bluegreen_nginx::Key::RequestId;
    let router = nginx.router();
    router.install(None).await.unwrap();
    router.shift(&op(1, 1), green("50%")).await.unwrap();
    let mut answers = std::collections::BTreeSet::new();
    for _ in 0..40 {
        for (asked, path) in [
            ("/tried/x", "/tried/x"),
            ("/asked/x", "/x"),
            ("/missing", "/error/missing.html"),
            ("/broken", "/named"),
        ] {
            let before = served(&nginx);
            let body = text(&nginx.url(asked)).await;
            let after = served(&nginx);
            let hits = [after[0] - before[0], after[1] - before[1]];
            assert!(hits.contains(&0), "{asked} was served by both slots: {hits:?}");
            let slot = if hits[1] == 0 { "blue" } else { "green" };
            assert!(body.starts_with(slot), "{asked}: {body}");
            assert!(asked == "/tried/x" || body.contains(path), "{asked}: {body}");
            answers.insert(slot);
        }
    }
    assert_eq!(answers.len(), 2, "both slots have answered");
}

// The split changes while the first answer is waited for; the error page still belongs to the slot that
// the request was decided for.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn a_switch_between_a_request_and_its_error_page_does_not_move_it() {
    let server = "proxy_intercept_errors on;
        location / { proxy_pass http://$bluegreen_shop_web; error_page 500 /error; }
        location = /error { internal; proxy_pass http://$bluegreen_shop_web; add_header X-Decided $bluegreen_shop_slot always; }";
    let (nginx, router) = Nginx::installed(Setting {
        server: server.to_owned(),
        ..Setting::default()
    })
    .await;
    let late = tokio::spawn(client().get(nginx.url("/late/600")).send());
    common::pause(200).await;
    router.shift(&op(1, 1), green("100%")).await.unwrap();
    assert!(text(&nginx.url("/broken")).await.starts_with("green /error"));
    let late = late.await.unwrap().unwrap();
    assert_eq!(late.headers()["x-decided"], "blue");
    assert!(late.text().await.unwrap().starts_with("blue /error"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx"]
async fn upstreams_switch_together() {
    let server = "location / { proxy_pass http://$bluegreen_shop_web; } location /api { proxy_pass http://$bluegreen_shop_api; }";
    let mut nginx = Nginx::start(Setting {
        server: server.to_owned(),
        ..Setting::default()
    })
    .await;
    let mut api = bluegreen_nginx::Upstream::new(
        "api",
        [nginx.blue.address.to_string()],
        [nginx.green.address.to_string()],
    );
    api.keepalive = 8;
    nginx.config.upstreams.push(api);
    nginx.config.key = bluegreen_nginx::Key::Cookie {
        name: "who".to_owned(),
        fallback: bluegreen_nginx::FallbackKey::RequestId,
    };
    let router = nginx.router();
    router.install(None).await.unwrap();
    router.shift(&op(1, 1), green("50%")).await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for client in 0..40 {
        let cookie = format!("who={client}");
        let headers = [("cookie", cookie.as_str())];
        let web = common::clients::slot_with(&nginx.url("/"), &headers).await;
        assert_eq!(
            web,
            common::clients::slot_with(&nginx.url("/api"), &headers).await
        );
        seen.insert(web);
    }
    assert_eq!(seen.len(), 2);
    let mut without = std::collections::BTreeSet::new();
    for _ in 0..40 {
        without.insert(common::clients::slot(&nginx.url("/")).await);
    }
    assert_eq!(
        without.len(),
        2,
        "clients without the cookie are divided by request"
    );
}

fn served(nginx: &Nginx) -> [usize; 2] {
    [&nginx.blue, &nginx.green].map(|backend| backend.served.load(std::sync::atomic::Ordering::Relaxed))
}
