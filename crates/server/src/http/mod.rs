//! The HTTP side: routes, and one file for each area of the API.

mod account_api;
mod asked;
pub(crate) mod auth;
mod bans;
mod calls;
mod guest_page;
mod hpb_backend;
mod login_flow;
mod notifications;
pub(crate) mod ocs;
mod old_clients;
mod page;
mod params;
mod participants;
mod people;
mod place;
pub(crate) mod presence;
mod push_socket;
mod recording;
mod recording_backend;
mod registration;
mod render;
mod room_settings;
mod rooms;
mod signaling;
mod slow_down;
pub(crate) mod throttle;

use std::any::Any;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use asked::Asked;
pub(crate) use asked::Caller;
pub(crate) use guest_page::is_built as has_guest_page;
use ocs::{Ocs, Version, envelope, wrap};
use room_settings::Mark;

use crate::state::App;
use crate::steering::CoworkApi;

/// Everything that is served.
pub(crate) fn router(app: App) -> Router {
    // Reached with and without `/index.php`.
    let front = Router::new()
        .route("/call/{token}", get(guest_page::show))
        .route("/call/assets/{file}", get(guest_page::asset))
        .route("/login/v2", post(login_flow::begin))
        .route("/login/v2/poll", post(login_flow::poll))
        .route("/login/v2/flow/{token}", get(login_flow::show).post(login_flow::grant))
        .route("/avatar/guest/{name}/{size}", get(people::guest_avatar))
        .route("/avatar/{userId}/{size}", get(people::avatar))
        .route("/avatar/{userId}/{size}/dark", get(people::avatar));
    let talk = ocs_router().layer(middleware::from_fn_with_state(app.clone(), old_clients::refuse));
    Router::new()
        .nest("/ocs/v2.php", talk.clone().layer(middleware::from_fn(|r, n| envelope(Version::Two, r, n))))
        .nest("/ocs/v1.php", talk.layer(middleware::from_fn(|r, n| envelope(Version::One, r, n))))
        .merge(front.clone())
        .nest("/index.php", front)
        .route("/status.php", get(account_api::status))
        .route("/push/ws", get(push_socket::socket))
        .route("/push/pre_auth", get(push_socket::pre_auth).post(push_socket::pre_auth))
        .route("/index.php/apps/bellbird/api/v1/registration", post(registration::register))
        .route("/index.php/apps/bellbird/recording/{id}", get(recording::download))
        .route("/invite/{code}", get(invitation_page))
        .merge(bellbird_cowork::router(CoworkApi::new(app.clone())).with_state(()))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(unenveloped))
        .layer(middleware::from_fn(note))
        .with_state(app)
}

fn ocs_router() -> Router<App> {
    Router::new()
        .merge(server_routes())
        .merge(notification_routes())
        .nest("/apps/spreed/api/v4", talk_routes())
        .nest("/apps/spreed/api/v3", signaling_routes())
        .nest("/apps/spreed/api/v1", talk_v1_routes())
        .route("/apps/bellbird/api/v1/room/{token}/link", put(room_settings::set_link_expiry))
        .fallback(|| async { Ocs::status(404).message("Invalid query, please check the syntax") })
        .method_not_allowed_fallback(|| async { Ocs::status(405) })
        .layer(CatchPanicLayer::custom(panicked))
}

fn server_routes() -> Router<App> {
    Router::new()
        .route("/cloud/capabilities", get(account_api::capabilities))
        .route("/core/getapppassword", get(account_api::get_app_password))
        .route("/core/apppassword", delete(account_api::delete_app_password))
        .route("/cloud/user", get(account_api::cloud_user))
        .route("/cloud/users/{userId}", get(account_api::get_user).put(account_api::edit_user))
        .route("/core/autocomplete/get", get(people::autocomplete))
        .route("/apps/user_status/api/v1/user_status", get(account_api::own_status))
        .route("/apps/user_status/api/v1/statuses/{userId}", get(account_api::others_status))
        .route("/apps/user_status/api/v1/user_status/status", put(account_api::set_status))
        .route("/apps/user_status/api/v1/user_status/message/custom", put(account_api::set_status_message))
        .route("/apps/user_status/api/v1/user_status/message", delete(account_api::set_status_message))
        .route("/apps/user_status/api/v1/heartbeat", put(account_api::heartbeat))
}

fn notification_routes() -> Router<App> {
    let list = "/apps/notifications/api/v2/notifications";
    Router::new()
        .route(list, get(notifications::list).delete(notifications::remove_all))
        .route(&format!("{list}/exists"), post(notifications::exists))
        .route(&format!("{list}/{{id}}"), get(notifications::one).delete(notifications::remove))
}

fn talk_routes() -> Router<App> {
    Router::new()
        .route("/room", get(rooms::list).post(rooms::create))
        .route("/listed-room", get(rooms::listed))
        .route("/room/{token}", get(rooms::get).put(room_settings::rename).delete(rooms::delete))
        .route("/room/{token}/capabilities", get(account_api::room_capabilities))
        .route("/room/{token}/description", put(room_settings::describe))
        .route("/room/{token}/password", put(room_settings::set_password))
        .route("/room/{token}/listable", put(room_settings::set_listable))
        .route("/room/{token}/read-only", put(room_settings::set_read_only))
        .route("/room/{token}/public", post(room_settings::make_public).delete(room_settings::make_private))
        .route("/room/{token}/permissions/{mode}", put(room_settings::set_permissions))
        .route("/room/{token}/webinar/lobby", put(room_settings::set_lobby))
        .route("/room/{token}/webinar/sip", put(room_settings::set_sip))
        .route("/room/{token}/recording-consent", put(room_settings::set_recording_consent))
        .route("/room/{token}/notify", post(room_settings::set_notification_level))
        .route("/room/{token}/notify-calls", post(room_settings::set_notify_calls))
        .merge(mark_routes())
        .route("/room/{token}/participants", get(participants::list).post(participants::add))
        .route("/room/{token}/participants/self", delete(participants::remove_self))
        .route("/room/{token}/participants/active", post(presence::join_room).delete(presence::leave_room))
        .route("/room/{token}/participants/state", put(presence::set_state))
        .route("/room/{token}/attendees", delete(participants::remove))
        .route("/room/{token}/attendees/permissions", put(participants::set_permissions))
        .route("/room/{token}/moderators", post(participants::promote).delete(participants::demote))
        .route(
            "/call/{token}",
            get(calls::peers).post(calls::join).put(calls::update_flags).delete(calls::leave),
        )
        .route("/call/{token}/ring/{attendeeId}", post(calls::ring))
        .route("/call/{token}/dialout/{attendeeId}", post(calls::dial_out))
        .route("/call/{token}/download", get(calls::download))
        .route("/call/{token}/notification-state", get(calls::notification_state))
}

fn mark_routes() -> Router<App> {
    let mut routes = Router::new();
    for (word, mark) in [
        ("favorite", Mark::Favorite),
        ("important", Mark::Important),
        ("sensitive", Mark::Sensitive),
        ("archive", Mark::Archive),
    ] {
        let set = move |asked: Asked| room_settings::set_mark(asked, mark, true);
        let unset = move |asked: Asked| room_settings::set_mark(asked, mark, false);
        routes = routes.route(&format!("/room/{{token}}/{word}"), post(set).delete(unset));
    }
    routes
}

fn signaling_routes() -> Router<App> {
    Router::new()
        .route("/signaling/settings", get(signaling::settings))
        .route("/signaling/backend", post(hpb_backend::backend))
        .route("/signaling/{token}", get(signaling::pull).post(signaling::send))
}

fn talk_v1_routes() -> Router<App> {
    Router::new()
        .route("/guest/{token}/name", post(presence::set_guest_name))
        .route("/ban/{token}", get(bans::list).post(bans::ban))
        .route("/ban/{token}/{banId}", delete(bans::unban))
        .route("/recording/backend", post(recording_backend::backend))
        .route("/recording/{token}", post(recording::start).delete(recording::stop))
        .route("/recording/{token}/notification", delete(recording::dismiss))
        .route("/recording/{token}/store", post(recording_backend::store))
        .route("/room/{token}/avatar", get(people::room_avatar))
        .route("/room/{token}/avatar/dark", get(people::room_avatar))
}

/// What a browser sees that opens an invitation.
async fn invitation_page() -> &'static str {
    "This is an invitation to Bellbird. Open the link in the Bellbird app: choose “I have an invitation” and paste it there.\n"
}

fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request handler panicked");
    Ocs::status(500).message("Internal error").into_response()
}

/// Answers outside of the OCS paths that still wait for their envelope get it here.
async fn unenveloped(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.extensions().get::<Ocs>().is_some() { wrap(Version::Two, response) } else { response }
}

/// One line per request: the route's pattern, never the path, which holds tokens and invitation codes.
async fn note(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method: Method = request.method().clone();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    tracing::debug!(%method, route, status = response.status().as_u16(), "request");
    response
}
