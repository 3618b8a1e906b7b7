//! The page for guests without the app, and that it asks for nothing its own policy forbids.

use reqwest::Response;

use crate::support::{Client, HANG, World};

async fn open(client: &Client, path: &str) -> Response {
    client.http.get(format!("{}{path}", client.base)).timeout(HANG).send().await.unwrap()
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
}

/// What follows `start` up to the next quote, each time.
fn attributes<'a>(html: &'a str, start: &str) -> Vec<&'a str> {
    html.split(start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opens_the_page_with_all_its_parts_or_says_that_it_needs_the_app() {
    let world = World::start().await;
    let client = world.guest();
    for prefix in ["", "/index.php"] {
        let shown = open(&client, &format!("{prefix}/call/abcd2345")).await;
        let policy = header(&shown, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert_eq!(header(&shown, "x-content-type-options"), "nosniff");
        let status = shown.status().as_u16();
        let html = shown.text().await.unwrap();
        if status == 501 {
            assert!(html.contains("built without the page"), "{html}");
            continue;
        }
        assert_eq!(status, 200);
        let parts: Vec<&str> =
            ["src=\"./", "href=\"./"].into_iter().flat_map(|start| attributes(&html, start)).collect();
        assert!(parts.iter().any(|part| part.ends_with(".js")), "{html}");
        // Everything comes from here, and nothing is written into the page that the policy would not run.
        assert!(!html.contains("src=\"http") && !html.contains("href=\"http") && !html.contains("<style"));
        assert_eq!(html.matches("<script").count(), html.matches("<script type=\"module\"").count());
        for part in parts {
            let file = open(&client, &format!("{prefix}/call/{part}")).await;
            assert_eq!(file.status(), 200, "{part}");
            assert!(header(&file, "cache-control").contains("immutable"));
            let kind = header(&file, "content-type");
            assert!(
                kind.starts_with(if part.ends_with(".js") { "text/javascript" } else { "text/css" }),
                "{kind}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_link_and_no_file_of_the_page_is_not_found() {
    let world = World::start().await;
    let client = world.guest();
    for path in [
        "/call/abc",
        "/call/ABCD2345",
        "/call/<script>",
        "/call/assets/none.js",
        "/call/assets/guest.html",
        "/call/assets/..%2fguest.html",
        "/call/assets/%2e%2e",
    ] {
        let answer = open(&client, path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert!(!answer.text().await.unwrap().contains("<script>"));
    }
}
