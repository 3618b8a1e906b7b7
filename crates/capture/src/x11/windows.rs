//! The windows of an X server that people would call windows.

use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, GetPropertyReply, MapState, Window, WindowClass,
};

use super::display::{Display, gone, unsent};
use crate::CaptureError;

/// How much of a title is read, 4-byte units, and how many windows are looked at: both are what other programs say.
const TITLE_UNITS: u32 = 256;
const MOST_WINDOWS: u32 = 1_024;

/// Smaller ones are helpers that nobody wants to share.
const SMALLEST_SIDE: u16 = 16;

/// One window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) id: Window,
    pub(crate) title: String,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

struct Names {
    client_list: Atom,
    title: Atom,
    text: Atom,
    state: Atom,
}

/// All windows with a title that are shown now, as the window manager lists them (EWMH `_NET_CLIENT_LIST`), or without
/// one as they lie on the screen.
pub(crate) fn list(display: &Display) -> Result<Vec<Known>, CaptureError> {
    let atom = |name: &str| -> Result<Atom, CaptureError> {
        let cookie = display.connection.intern_atom(false, name.as_bytes()).map_err(unsent)?;
        Ok(cookie.reply().map_err(gone)?.atom)
    };
    let names = Names {
        client_list: atom("_NET_CLIENT_LIST")?,
        title: atom("_NET_WM_NAME")?,
        text: atom("UTF8_STRING")?,
        state: atom("WM_STATE")?,
    };
    let mut ids = clients(display, &names);
    if ids.is_empty() {
        ids = on_screen(display, &names)?;
    }
    // A window may close while it is asked about: it is left out.
    Ok(ids.into_iter().filter_map(|id| describe(display, &names, id)).collect())
}

fn clients(display: &Display, names: &Names) -> Vec<Window> {
    let list = property(display, display.root(), names.client_list, AtomEnum::WINDOW.into(), MOST_WINDOWS);
    list.and_then(|reply| Some(reply.value32()?.collect())).unwrap_or_default()
}

/// The root's children, or what a window manager of the old kind put into them.
fn on_screen(display: &Display, names: &Names) -> Result<Vec<Window>, CaptureError> {
    let tree = display.connection.query_tree(display.root()).map_err(unsent)?.reply().map_err(gone)?;
    let mut found = Vec::new();
    for frame in tree.children.into_iter().take(MOST_WINDOWS as usize) {
        let Ok(Ok(attributes)) = display.connection.get_window_attributes(frame).map(|cookie| cookie.reply())
        else {
            continue;
        };
        if attributes.override_redirect {
            continue;
        }
        found.push(managed_inside(display, names, frame).unwrap_or(frame));
    }
    Ok(found)
}

/// The client within a window manager's frame: the child that carries the manager's mark (ICCCM section 4.1.3.1).
fn managed_inside(display: &Display, names: &Names, frame: Window) -> Option<Window> {
    let tree = display.connection.query_tree(frame).ok()?.reply().ok()?;
    tree.children.into_iter().take(16).find(|child| {
        property(display, *child, names.state, AtomEnum::ANY.into(), 1).is_some_and(|reply| reply.type_ != 0)
    })
}

fn describe(display: &Display, names: &Names, id: Window) -> Option<Known> {
    let attributes = display.connection.get_window_attributes(id).ok()?.reply().ok()?;
    if attributes.map_state != MapState::VIEWABLE || attributes.class != WindowClass::INPUT_OUTPUT {
        return None;
    }
    let geometry = display.connection.get_geometry(id).ok()?.reply().ok()?;
    if geometry.width < SMALLEST_SIDE || geometry.height < SMALLEST_SIDE {
        return None;
    }
    let title = title(display, names, id).filter(|title| !title.is_empty())?;
    Some(Known { id, title, width: geometry.width, height: geometry.height })
}

fn title(display: &Display, names: &Names, id: Window) -> Option<String> {
    let new = property(display, id, names.title, names.text, TITLE_UNITS);
    if let Some(reply) = new.filter(|reply| reply.format == 8 && !reply.value.is_empty()) {
        return Some(String::from_utf8_lossy(&reply.value).into_owned());
    }
    let old = property(display, id, AtomEnum::WM_NAME.into(), AtomEnum::ANY.into(), TITLE_UNITS)?;
    if old.format != 8 {
        return None;
    }
    // STRING is Latin-1 (ICCCM section 2.7.1); COMPOUND_TEXT is nearly so for what people read here.
    Some(match String::from_utf8(old.value) {
        Ok(text) => text,
        Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
    })
}

fn property(
    display: &Display,
    window: Window,
    name: Atom,
    kind: Atom,
    units: u32,
) -> Option<GetPropertyReply> {
    display.connection.get_property(false, window, name, kind, 0, units).ok()?.reply().ok()
}
