//! Chromium as the far end: what a browser offers is answered, what we offer it answers, and sound goes both ways.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bellbird_call::ports::{MediaCommand, MediaEvent};
use bellbird_call::{IceCandidate, LinkRole, LinkState, MediaKind, MediaStage, SessionDescription};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

use crate::harness::{End, LINK, tone};

/// The page: says what it hears, plays 440 Hz, and does what it is told.
const PAGE: &str = include_str!("browser.html");

/// A browser with the page open, and the lines to and from it.
struct Browser {
    _process: Child,
    _profile: tempfile::TempDir,
    say: mpsc::UnboundedSender<Value>,
    heard: mpsc::UnboundedReceiver<Value>,
}

impl Browser {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (say, to_page) = mpsc::unbounded_channel();
        let (from_page, heard) = mpsc::unbounded_channel();
        let to_page = Arc::new(Mutex::new(to_page));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, to_page.clone(), from_page.clone()));
            }
        });
        let profile = tempfile::tempdir().unwrap();
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let process = names
            .iter()
            .find_map(|name| {
                Command::new(name)
                    .args([
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--allow-loopback-in-peer-connection",
                        "--autoplay-policy=no-user-gesture-required",
                        "--use-fake-device-for-media-stream",
                        "--use-fake-ui-for-media-stream",
                    ])
                    .arg(format!("--user-data-dir={}", profile.path().display()))
                    .arg(format!("http://{address}/"))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .kill_on_drop(true)
                    .spawn()
                    .ok()
            })
            .expect("this test needs Chromium");
        Self { _process: process, _profile: profile, say, heard }
    }

    fn say(&self, message: Value) {
        self.say.send(message).unwrap();
    }
}

/// One HTTP request: the page itself, a message of the page, or a wait for one to it.
async fn serve(
    stream: TcpStream,
    to_page: Arc<Mutex<mpsc::UnboundedReceiver<Value>>>,
    from_page: mpsc::UnboundedSender<Value>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut request, mut line, mut length) = (String::new(), String::new(), 0);
    stream.read_line(&mut request).await?;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let (kind, body) = match request.split(' ').nth(1) {
        Some("/") => ("text/html", PAGE.to_owned()),
        Some("/next") => {
            let next = to_page.lock().await.recv().await;
            ("application/json", next.unwrap_or(Value::Null).to_string())
        }
        Some("/say") => {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            let _ = from_page.send(serde_json::from_slice(&body).unwrap_or(Value::Null));
            ("application/json", "null".to_owned())
        }
        _ => ("text/plain", String::new()),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}

fn to_browser(event: MediaEvent) -> Option<Value> {
    match event {
        MediaEvent::LocalDescription { description: SessionDescription::Offer(sdp), .. } => {
            Some(json!({"type": "offer", "sdp": sdp}))
        }
        MediaEvent::LocalDescription { description: SessionDescription::Answer(sdp), .. } => {
            Some(json!({"type": "answer", "sdp": sdp}))
        }
        MediaEvent::LocalCandidate { candidate, .. } => Some(json!({
            "type": "candidate",
            "candidate": candidate.candidate,
            "sdpMid": candidate.sdp_mid,
            "sdpMLineIndex": candidate.sdp_mline_index,
        })),
        _ => None,
    }
}

/// Carries what the browser says to `end`; what it hears and what texts it got go to `reports`.
fn from_browser(end: &End, message: &Value, reports: &mut Vec<Value>) {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    match message["type"].as_str() {
        Some("offer") => end.describe(SessionDescription::Offer(text("sdp"))),
        Some("answer") => end.describe(SessionDescription::Answer(text("sdp"))),
        Some("candidate") => end.candidate(IceCandidate {
            candidate: text("candidate"),
            sdp_mid: message["sdpMid"].as_str().map(str::to_owned),
            sdp_mline_index: message["sdpMLineIndex"].as_u64().map(|index| index as u16),
        }),
        Some("trouble") => panic!("the browser says: {message}"),
        _ => reports.push(message.clone()),
    }
}

/// A call to which both bring a camera, with a browser that has no other codec than `codec`.
async fn cameras_with_browser(role: LinkRole, codec: &str) {
    let mut browser = Browser::start().await;
    let (out, mut said) = mpsc::unbounded_channel();
    let end = End::new(tone(700.0), Some(out));
    // The page says that it is there.
    let ready = tokio::time::timeout(Duration::from_secs(180), browser.heard.recv()).await;
    assert_eq!(ready.expect("the browser starts"), Some(json!({"type": "ready"})));
    browser.say(json!({"type": "camera", "codec": codec}));
    end.send(MediaCommand::StartCapture);
    end.show_pattern();
    end.open(role);
    if role == LinkRole::Answerer {
        browser.say(json!({"type": "call"}));
    }
    let mut reports = Vec::new();
    let carried = async {
        loop {
            tokio::select! {
                Some(event) = said.recv() => {
                    if let Some(message) = to_browser(event) {
                        browser.say(message);
                    }
                }
                Some(message) = browser.heard.recv() => from_browser(&end, &message, &mut reports),
            }
            // The browser believes in more than it began with only when it is told when its packets arrived; and our
            // reports tell it of losses and the way there and back.
            let is_told = |report: &Value| {
                report["type"] == "sends"
                    && report["available"].as_f64().is_some_and(|rate| rate > 500_000.0)
                    && report["trip"].is_number()
                    && report["lost"].is_number()
            };
            let sees = |report: &Value| {
                report["type"] == "sees" && report["frames"].as_u64().is_some_and(|frames| frames >= 30)
            };
            let sent = reports.iter().find(|report| is_told(report));
            let seen = reports.iter().find(|report| sees(report));
            if let (Some(sent), Some(seen)) = (sent, seen) {
                break [sent.clone(), seen.clone()];
            }
        }
    };
    let Ok(carried) = tokio::time::timeout(Duration::from_secs(180), carried).await else {
        let last = reports.iter().rev().take(8).map(Value::to_string).collect::<Vec<_>>();
        panic!("the browser is not told how it fares, or does not see us: {last:#?}");
    };
    for report in carried {
        println!("{report}");
        assert_eq!(report["codec"], format!("video/{codec}"));
    }
    for wanted in [
        MediaEvent::RemoteTrack { link: LINK, kind: MediaKind::Video, added: true },
        MediaEvent::FirstMedia { link: LINK, kind: MediaKind::Video, stage: MediaStage::Rtp },
    ] {
        end.wait(&format!("{wanted:?}"), |event| (*event == wanted).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cameras_go_both_ways_in_vp8_with_a_browser_we_call() {
    cameras_with_browser(LinkRole::Offerer, "VP8").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cameras_go_both_ways_in_h264_with_a_browser_that_calls() {
    cameras_with_browser(LinkRole::Answerer, "H264").await;
}

/// A call with the browser, until both heard each other, also after a restart, and exchanged texts.
async fn call_with_browser(role: LinkRole) {
    let mut browser = Browser::start().await;
    let (out, mut said) = mpsc::unbounded_channel();
    let end = End::new(tone(700.0), Some(out));
    let mut reports = Vec::new();
    // The page says that it is there.
    let ready = tokio::time::timeout(Duration::from_secs(180), browser.heard.recv()).await;
    assert_eq!(ready.expect("the browser starts"), Some(json!({"type": "ready"})));

    end.send(MediaCommand::StartCapture);
    end.open(role);
    if role == LinkRole::Answerer {
        browser.say(json!({"type": "call"}));
    }
    let carried = async {
        loop {
            tokio::select! {
                Some(event) = said.recv() => {
                    if let Some(message) = to_browser(event) {
                        browser.say(message);
                    }
                }
                Some(message) = browser.heard.recv() => from_browser(&end, &message, &mut reports),
            }
            let hears = |report: &Value| {
                report["type"] == "hears" && report["hz"].as_f64().is_some_and(|hz| (hz - 700.0).abs() < 15.0)
            };
            if reports.iter().any(hears) && reports.iter().any(|report| report["type"] == "text") {
                break;
            }
            end.text("from us");
        }
    };
    tokio::time::timeout(Duration::from_secs(180), carried).await.expect("the browser hears us and reads us");
    end.wait_state(LinkState::Connected).await;
    end.hear_tone(440.0).await;
    end.wait_text("from the browser").await;

    // ICE restart, by whoever offers.
    let mark = end.mark();
    match role {
        LinkRole::Offerer => end.send(MediaCommand::RestartIce(LINK)),
        LinkRole::Answerer => browser.say(json!({"type": "restart"})),
    }
    let restarted = async {
        let connected = end.wait_state_from(mark, LinkState::Connected);
        tokio::pin!(connected);
        loop {
            tokio::select! {
                Some(event) = said.recv() => {
                    if let Some(message) = to_browser(event) {
                        browser.say(message);
                    }
                }
                Some(message) = browser.heard.recv() => from_browser(&end, &message, &mut reports),
                _ = &mut connected => break,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(180), restarted).await.expect("connected again");
    end.hear_tone(440.0).await;
    // The browser's first report comes some seconds after its first packet.
    let mut quality = end.wait_quality(1).await;
    while quality.round_trip.is_none() || quality.remote_loss.is_none() {
        quality = end.wait_quality(1).await;
    }
    println!("{quality:?}");

    // The browser leaves, and that is noticed.
    browser.say(json!({"type": "close"}));
    end.wait_state(LinkState::Closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_answers_our_offer() {
    call_with_browser(LinkRole::Offerer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_s_offer_is_answered() {
    call_with_browser(LinkRole::Answerer).await;
}
