//! The dialog with xdg-desktop-portal (`org.freedesktop.portal.ScreenCast`): it asks the person, we are told.

use std::collections::HashMap;
use std::os::fd::OwnedFd as Descriptor;

use futures_util::StreamExt;
use zbus::proxy::{OwnerChangedStream, SignalStream};
use zbus::zvariant::{OwnedFd, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, Proxy};

use crate::CaptureError;

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SCREEN_CAST: &str = "org.freedesktop.portal.ScreenCast";

/// The only question that no dialog belongs to.
const CREATE_SESSION: &str = "CreateSession";

/// Monitors and windows.
const SOURCES: u32 = 1 | 2;

/// The cursor drawn into the picture; where that cannot be had, none.
const CURSOR_EMBEDDED: u32 = 2;
const CURSOR_HIDDEN: u32 = 1;

/// What the person allowed.
pub(super) struct Granted {
    /// A connection to PipeWire that sees nothing but what was allowed.
    pub(super) connection: Descriptor,
    /// The stream in it.
    pub(super) node: u32,
    /// Until this is closed.
    pub(super) session: Session,
}

/// A sharing that the desktop shows the person, and lets them end.
pub(super) struct Session {
    proxy: Proxy<'static>,
    closed: SignalStream<'static>,
    owners: OwnerChangedStream<'static>,
}

impl Session {
    /// Waits until the desktop ends it, or cannot show any more that it goes on.
    pub(super) async fn closed(&mut self) {
        // A stream that ends says that the bus is gone.
        tokio::select! {
            _ = self.closed.next() => {}
            () = gone(&mut self.owners) => {}
        }
    }

    /// Ends it.
    pub(super) async fn close(&self) {
        let _ = self.proxy.call_noreply("Close", &()).await;
    }
}

/// Asks the person for a screen or window: waits as long as they take.
///
/// # Errors
/// `NoScreen` without a portal, `ScreenDenied` when the person or the system says no.
pub(super) async fn ask(bus: Option<&str>) -> Result<Granted, CaptureError> {
    let connection = match bus {
        Some(address) => zbus::connection::Builder::address(address).map_err(missing)?.build().await,
        None => Connection::session().await,
    };
    let asking = Asking::new(connection.map_err(missing)?).await?;
    let session = asking.create_session().await?;
    let path = session.proxy.path().to_owned();
    let cursor = asking.cursor_mode().await;
    let options = HashMap::from([
        ("types", Value::from(SOURCES)),
        ("multiple", Value::from(false)),
        ("cursor_mode", Value::from(cursor)),
    ]);
    asking.request("SelectSources", "sources", options, |options| (&path, options)).await?;
    // There is no window of ours that the dialog could stand before.
    let started = asking.request("Start", "start", HashMap::new(), |options| (&path, "", options)).await?;
    let node = chosen_node(&started).ok_or(CaptureError::ScreenDenied)?;
    let no_options: HashMap<&str, Value<'_>> = HashMap::new();
    let remote = asking.screen_cast.call("OpenPipeWireRemote", &(&path, no_options)).await;
    let remote: OwnedFd = remote.map_err(refused)?;
    Ok(Granted { connection: remote.into(), node, session })
}

/// The first of the streams: `a(ua{sv})`.
fn chosen_node(results: &HashMap<String, OwnedValue>) -> Option<u32> {
    let streams: Vec<(u32, HashMap<String, OwnedValue>)> =
        results.get("streams")?.try_clone().ok()?.try_into().ok()?;
    streams.first().map(|(node, _)| *node)
}

struct Asking {
    connection: Connection,
    screen_cast: Proxy<'static>,
    /// Our name on the bus, as it stands in the paths of requests.
    sender: String,
}

impl Asking {
    async fn new(connection: Connection) -> Result<Self, CaptureError> {
        let screen_cast = Proxy::new(&connection, PORTAL, PATH, SCREEN_CAST).await.map_err(missing)?;
        let name = connection.unique_name().map(ToString::to_string).unwrap_or_default();
        let sender = name.trim_start_matches(':').replace('.', "_");
        Ok(Self { connection, screen_cast, sender })
    }

    async fn cursor_mode(&self) -> u32 {
        let modes: u32 = self.screen_cast.get_property("AvailableCursorModes").await.unwrap_or(0);
        if modes & CURSOR_EMBEDDED != 0 { CURSOR_EMBEDDED } else { CURSOR_HIDDEN }
    }

    async fn create_session(&self) -> Result<Session, CaptureError> {
        let options = HashMap::from([("session_handle_token", Value::from("bellbird"))]);
        let results = self.request(CREATE_SESSION, "session", options, |options| (options,)).await?;
        // A text by mistake of the interface's first version, which stays.
        let handle = results.get("session_handle").and_then(|handle| handle.downcast_ref::<&str>().ok());
        let handle = handle.ok_or(CaptureError::ScreenDenied)?.to_owned();
        let interface = "org.freedesktop.portal.Session";
        let proxy = Proxy::new(&self.connection, PORTAL, handle, interface).await.map_err(refused)?;
        let closed = proxy.receive_signal("Closed").await.map_err(refused)?;
        let owners = proxy.receive_owner_changed().await.map_err(refused)?;
        Ok(Session { proxy, closed, owners })
    }

    /// Calls a method whose answer comes as a signal, and waits for that.
    async fn request<'a, B>(
        &self,
        method: &'static str,
        token: &'static str,
        mut options: HashMap<&'static str, Value<'a>>,
        body: impl FnOnce(HashMap<&'static str, Value<'a>>) -> B,
    ) -> Result<HashMap<String, OwnedValue>, CaptureError>
    where
        B: zbus::export::serde::Serialize + zbus::zvariant::DynamicType,
    {
        let token = format!("bellbird_{token}");
        let path = format!("{PATH}/request/{}/{token}", self.sender);
        options.insert("handle_token", Value::from(token));
        let interface = "org.freedesktop.portal.Request";
        let request = Proxy::new(&self.connection, PORTAL, path, interface).await.map_err(missing)?;
        // Before the call, so that an answer at once is not missed.
        let mut answers = request.receive_signal("Response").await.map_err(missing)?;
        let mut owners = request.receive_owner_changed().await.map_err(missing)?;
        let called: Result<OwnedObjectPath, _> = self.screen_cast.call(method, &body(options)).await;
        called.map_err(refused)?;
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = gone(&mut owners) => None,
        };
        let answer =
            answer.ok_or_else(|| CaptureError::NoScreen("the portal ended before it answered".into()))?;
        let (code, results): (u32, HashMap<String, OwnedValue>) =
            answer.body().deserialize().map_err(refused)?;
        tracing::debug!(method, code, "the portal answered");
        // 1: the person said no. 2: it ended otherwise, which is a dialog that was closed where one stood there.
        match code {
            0 => Ok(results),
            2 if method == CREATE_SESSION => {
                Err(CaptureError::NoScreen("this desktop's portal cannot share screens".into()))
            }
            _ => Err(CaptureError::ScreenDenied),
        }
    }
}

/// Waits until the portal is gone: nothing that it was asked for is answered then, and nothing that it allowed is watched over.
async fn gone(owners: &mut OwnerChangedStream<'static>) {
    // One that the bus starts for our question comes into being.
    while let Some(owner) = owners.next().await {
        if owner.is_none() {
            return;
        }
    }
}

/// The bus or the portal is not there.
fn missing(error: zbus::Error) -> CaptureError {
    tracing::info!(%error, "there is no portal");
    CaptureError::NoScreen("this desktop has no portal to share screens with".into())
}

/// The portal is there and does not do it.
fn refused(error: zbus::Error) -> CaptureError {
    let name = match &error {
        zbus::Error::MethodError(name, _, _) => name.as_str(),
        _ => "",
    };
    let absent = ["ServiceUnknown", "NameHasNoOwner", "UnknownMethod", "UnknownInterface", "UnknownObject"];
    if absent.iter().any(|end| name.ends_with(end)) {
        return missing(error);
    }
    tracing::info!(%error, "the portal refused");
    CaptureError::ScreenDenied
}
