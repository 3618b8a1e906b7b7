//! The HTTP surface: one file for what a request holds, one for each group of paths.

mod act;
mod channels;
mod description;
mod joins;
mod own;
mod read;
mod shapes;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::routing::any;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use read::MAX_BODY;

use crate::{Calls, Credentials, Reason, Refusal, User};

/// What handlers share.
#[derive(Clone)]
struct Api {
    calls: Arc<dyn Calls>,
    description: Arc<str>,
    joins: joins::Joins,
}

/// Everything below `/api/cowork/`, to be merged into the router of whoever listens. Whatever the listener knows of a
/// connection it puts into the extensions of its requests, where [`Calls::authenticate`] finds it.
pub fn router(calls: impl Calls) -> Router {
    let (routes, description) = documented().split_for_parts();
    let description = description::complete(description);
    routes
        .method_not_allowed_fallback(|| async {
            Refusal::new(Reason::WrongMethod, Reason::WrongMethod.description())
        })
        .route("/api/cowork/", any(no_such_path))
        .route("/api/cowork/{*rest}", any(no_such_path))
        .with_state(Api {
            calls: Arc::new(calls),
            description: description.into(),
            joins: joins::Joins::default(),
        })
}

async fn no_such_path() -> Refusal {
    Refusal::new(Reason::NotFound, "There is no such path")
}

fn documented() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(description::openapi))
        .routes(routes!(own::user))
        .routes(routes!(own::calls))
        .routes(routes!(own::join))
        .routes(routes!(own::audio))
        .routes(routes!(own::video))
        .routes(routes!(own::raise))
        .routes(routes!(own::leave))
        .routes(routes!(channels::teams))
        .routes(routes!(channels::direct_messages))
        .routes(routes!(channels::channels))
        .routes(routes!(channels::calls))
        .routes(routes!(channels::audio))
        .routes(routes!(channels::video))
        .routes(routes!(channels::raise))
}

/// The user a request is made for; taking it from a request checks its credentials.
struct Asking(User);

impl FromRequestParts<Api> for Asking {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let credentials = Credentials::of(&parts.headers)?;
        api.calls.authenticate(credentials, &parts.extensions).await.map(Self)
    }
}

/// A part of a path that names something.
struct Named<T>(T);

impl<T> FromRequestParts<Api> for Named<T>
where
    T: serde::de::DeserializeOwned + Send,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let read = Path::<T>::from_request_parts(parts, api).await;
        read.map(|Path(named)| Self(named))
            .map_err(|_| Refusal::new(Reason::Malformed, "The path cannot be understood"))
    }
}
