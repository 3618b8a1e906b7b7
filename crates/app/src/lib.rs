//! The product without a window: accounts, calls, settings, the choice of devices, and the echo contact.
//!
//! ```text
//!  Command ──▶ App::handle ──▶ accounts ─▶ bellbird_talk          Event::State (whole, after any change) ──▶
//!                         └──▶ calls ────▶ bellbird_session ─▶ bellbird_media    Event::Call, Levels, Quality ──▶
//! ```
//!
//! All state is in one place, behind one lock that is held for moments and never across a wait; whatever changes it
//! marks it changed, and a task of its own publishes the whole of it. Core types are turned into the contract's at
//! this crate's edge (`convert`), so that nothing below it is serializable.
//!
//! This crate refuses to show anything (no window, no notification, no words for people: codes and details) and to
//! listen on any port: the embedded server is lent to it as a [`LocalServer`].

mod accounts;
mod app;
mod calls;
mod commands;
mod convert;
mod devices;
mod echo;
mod here;
mod local_server;
mod person;
mod pictures;
mod problems;
mod programs;
mod publish;
mod remote_join;
mod screens;
mod sdk;
mod settings;
mod state;

pub use accounts::{KeyStore, KeyStoreError, MemoryKeyStore, StoredLogins, SystemKeyStore};
pub use app::{App, AppConfig, Browser, KeptPictures, Pictures, Sound};
pub use echo::EchoContact;
pub use local_server::{Later, LocalServer};
pub use pictures::PictureViewer;
pub use problems::of_io;
pub use programs::KnownProgram;
pub use remote_join::Unattended;
pub use screens::GIVEN_SCREEN;
pub use sdk::CallSdk;
pub use settings::{AccountHome, StoredAccount};

/// What an app is given and tells in its parts' own words, for the program that composes it.
pub use bellbird_call::ports::{Problem, ProblemCode};
pub use bellbird_call::{CallConfig, CallId, MediaKind, ParticipantId, Secret};
pub use bellbird_capture::{
    CaptureError, ScreenList, VideoSource, cameras as list_cameras, screens as list_screens,
};
pub use bellbird_devices::{
    CaptureSource, Clip, DeviceError, DeviceInfo, DeviceList, PlayoutSink, Recorder, Recording,
    list as list_devices, read_wav,
};
pub use bellbird_media::Picture;
pub use bellbird_talk::LinkChange;
