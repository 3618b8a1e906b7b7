//! The description of the API (OpenAPI 3.1), made from the handlers.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::Api;
use crate::Reason;
use crate::refusal::ErrorBody;

/// The answers that refuse, for every path alike.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let body = || ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
        let one = |reason: Reason| {
            let mut response =
                ResponseBuilder::new().description(reason.description()).content("application/json", body());
            if reason == Reason::Unauthenticated {
                let header = HeaderBuilder::new().schema(Some(String::schema())).build();
                response = response.header("WWW-Authenticate", header);
            }
            (reason.status().as_str().to_owned(), RefOr::T(response.build()))
        };
        Reason::ALL.into_iter().map(one).collect()
    }
}

/// The description as JSON, with what no handler says.
pub(super) fn complete(mut api: OpenApi) -> String {
    api.info = InfoBuilder::new()
        .title("CoWork calls")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A program makes a person's own client join a call, mute, show video, raise the hand, leave. \
             Calls carry no media here. Every refusal is `{\"error\": text}`.",
        ))
        .build();
    let components = api.components.get_or_insert_default();
    let scheme = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
    components.add_security_scheme("basic", scheme(HttpAuthScheme::Basic));
    components.add_security_scheme("bearer", scheme(HttpAuthScheme::Bearer));
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    api.security = Some(vec![
        SecurityRequirement::new::<_, [&str; 0], &str>("basic", []),
        SecurityRequirement::new::<_, [&str; 0], &str>("bearer", []),
    ]);
    api.to_json().expect("a description made of types can be written")
}

/// This description; needs no credentials.
#[utoipa::path(
    get,
    path = "/api/cowork/openapi.json",
    tag = "description",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"))
)]
pub(super) async fn openapi(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.description.to_string()).into_response()
}
