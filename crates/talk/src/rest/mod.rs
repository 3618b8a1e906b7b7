//! Talk's REST API as a client sees it: one connection pool per account, one cookie jar per account and per call.

mod accounts;
mod calls;
mod client;
mod error;
mod facts;
mod rooms;
mod tls;

pub(crate) use accounts::{Notifications, discover};
pub(crate) use calls::NotificationState;
pub(crate) use client::{Credentials, Request, RestClient, Session};
pub(crate) use error::{RestError, Subject, untrusted};
pub(crate) use tls::client_config;
