//! Notifications, v2 (talk-accounts.md section 4).

use std::collections::BTreeMap;

use axum::http::{HeaderName, header};
use bellbird_talk_wire::constants::{ROOM_ONE_TO_ONE, ROOM_PUBLIC, USER_STATUS_HEADER};
use bellbird_talk_wire::{Notification, NotificationAction, RichObject};
use sha2::{Digest, Sha256};

use super::asked::Asked;
use super::ocs::{Ocs, OcsResult};
use crate::live::Live;
use crate::store::notifications::{self, About, NotificationRow};

fn render(row: &NotificationRow, account: &str, base: &str, live: &Live) -> Notification {
    match &row.about {
        About::Call => of_call(row, account, base, live),
        About::Recording { id, name } => {
            let file = RichObject {
                kind: "file".into(),
                id: id.to_string(),
                name: name.clone(),
                path: name.clone(),
                link: format!("{base}/index.php/apps/bellbird/recording/{id}"),
                ..RichObject::default()
            };
            of_recording(row, account, base, Some(file))
        }
        About::RecordingLost => of_recording(row, account, base, None),
    }
}

/// The conversation as a notification's text names it.
fn conversation(row: &NotificationRow, name: &str, base: &str) -> RichObject {
    RichObject {
        kind: "call".into(),
        id: row.room.to_string(),
        name: name.to_owned(),
        call_type: match row.room_type {
            ROOM_ONE_TO_ONE => "one2one",
            ROOM_PUBLIC => "public",
            _ => "group",
        }
        .into(),
        icon_url: format!("{base}/ocs/v2.php/apps/spreed/api/v1/room/{}/avatar", row.token),
        ..RichObject::default()
    }
}

/// A recording that was stored, or could not be.
fn of_recording(row: &NotificationRow, account: &str, base: &str, file: Option<RichObject>) -> Notification {
    let (object_type, subject, message_rich) = match &file {
        Some(_) => (
            "recording",
            "Call recording now available",
            "The recording for the call in {call} can be fetched as {file}.",
        ),
        None => (
            "recording_information",
            "The call recording was lost",
            "The recording of the call in {call} was too large or could not be written. Ask who runs the server.",
        ),
    };
    let call = conversation(row, &row.room_name, base);
    let mut message = message_rich.replace("{call}", &call.name);
    let mut parameters = BTreeMap::from([("call".to_owned(), call)]);
    let mut link = format!("{base}/call/{}", row.token);
    if let Some(file) = file {
        message = message.replace("{file}", &file.name);
        link.clone_from(&file.link);
        parameters.insert("file".to_owned(), file);
    }
    Notification {
        notification_id: row.id,
        app: "spreed".into(),
        user: account.to_owned(),
        datetime: iso_8601(row.created),
        object_type: object_type.into(),
        object_id: row.token.clone(),
        subject: subject.into(),
        subject_rich: subject.into(),
        message,
        message_rich: message_rich.into(),
        message_rich_parameters: parameters,
        link,
        icon: format!("{base}/icon.svg"),
        should_notify: Some(true),
        ..Notification::default()
    }
}

fn of_call(row: &NotificationRow, account: &str, base: &str, live: &Live) -> Notification {
    let runs = live.call(row.room).is_some_and(|call| call.started == row.call_start);
    let one_to_one = row.room_type == ROOM_ONE_TO_ONE;
    let link = format!("{base}/call/{}", row.token);
    let name = if one_to_one { &row.caller_name } else { &row.room_name };
    let call = conversation(row, name, base);
    let subject_rich = match (runs, one_to_one) {
        (true, true) => "{user} is calling you",
        (true, false) => "A call has started in {call}",
        (false, true) => "You missed a call from {user}",
        (false, false) => "You missed a call in {call}",
    };
    let subject = subject_rich.replace("{user}", &row.caller_name).replace("{call}", &call.name);
    let mut parameters = BTreeMap::from([("call".to_owned(), call)]);
    if row.caller_type == "users" {
        let user = RichObject {
            kind: "user".into(),
            id: row.caller_id.clone(),
            name: row.caller_name.clone(),
            ..RichObject::default()
        };
        parameters.insert("user".to_owned(), user);
    }
    let actions = if runs {
        vec![NotificationAction {
            label: "Join call".into(),
            link: format!("{link}#direct-call"),
            kind: "WEB".into(),
            primary: true,
        }]
    } else {
        Vec::new()
    };
    Notification {
        notification_id: row.id,
        app: "spreed".into(),
        user: account.to_owned(),
        datetime: iso_8601(row.created),
        object_type: "call".into(),
        object_id: row.token.clone(),
        subject,
        subject_rich: subject_rich.into(),
        subject_rich_parameters: parameters,
        link,
        icon: format!("{base}/icon.svg"),
        should_notify: Some(true),
        actions,
        ..Notification::default()
    }
}

/// Unix seconds as `2026-03-01T12:00:00+00:00`, by counting days as they fall in the Gregorian calendar.
fn iso_8601(unix: i64) -> String {
    let (days, seconds) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    // Years begin in March here, so that the leap day is the last of a year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")
}

/// `GET /apps/notifications/api/v2/notifications`
pub(super) async fn list(asked: Asked) -> OcsResult {
    let user = asked.signed_in()?;
    let account = user.account.id.clone();
    let rows = asked.app.store.read(move |c| notifications::of_account(c, &account)).await?;
    let base = asked.base_url();
    let list: Vec<Notification> = {
        let live = asked.app.live();
        rows.iter().map(|row| render(row, &user.account.id, &base, &live)).collect()
    };
    let answer = Ocs::ok(&list);
    let text = serde_json::to_string(&list).unwrap_or_default();
    let tag: String = Sha256::digest(text)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let unchanged = asked.header_text(header::IF_NONE_MATCH).split(',').any(|known| known.trim() == tag);
    let answer = if unchanged { Ocs::status(304) } else { answer };
    Ok(answer
        .header(header::ETAG, tag)
        .header(HeaderName::from_static(USER_STATUS_HEADER), &user.account.status))
}

/// `GET /apps/notifications/api/v2/notifications/{id}`
pub(super) async fn one(asked: Asked) -> OcsResult {
    let user = asked.signed_in()?;
    let id: i64 = asked.path("id").parse().map_err(|_| Ocs::status(404))?;
    let account = user.account.id.clone();
    let rows = asked.app.store.read(move |c| notifications::of_account(c, &account)).await?;
    let row = rows.iter().find(|row| row.id == id).ok_or_else(|| Ocs::status(404))?;
    let base = asked.base_url();
    let rendered = render(row, &user.account.id, &base, &asked.app.live());
    Ok(Ocs::ok(rendered))
}

/// `DELETE /apps/notifications/api/v2/notifications/{id}`
pub(super) async fn remove(asked: Asked) -> OcsResult {
    let account = asked.signed_in()?.account.id.clone();
    let id: i64 = asked.path("id").parse().map_err(|_| Ocs::status(404))?;
    let name = account.clone();
    if asked.app.store.write(move |c| notifications::remove(c, &name, id)).await? {
        asked.app.push.notify(&account);
    }
    Ok(Ocs::status(200))
}

/// `DELETE /apps/notifications/api/v2/notifications`
pub(super) async fn remove_all(asked: Asked) -> OcsResult {
    let account = asked.signed_in()?.account.id.clone();
    let name = account.clone();
    if asked.app.store.write(move |c| notifications::remove_all(c, &name)).await? {
        asked.app.push.notify(&account);
    }
    Ok(Ocs::status(200))
}

/// `POST /apps/notifications/api/v2/notifications/exists`
pub(super) async fn exists(asked: Asked) -> OcsResult {
    let account = asked.signed_in()?.account.id.clone();
    let ids = asked.params.texts("ids")?;
    if ids.len() > 200 {
        return Err(Ocs::status(400));
    }
    let rows = asked.app.store.read(move |c| notifications::of_account(c, &account)).await?;
    let there: Vec<i64> = ids
        .iter()
        .filter_map(|id| id.parse().ok())
        .filter(|id| rows.iter().any(|row| row.id == *id))
        .collect();
    Ok(Ocs::ok(there))
}

#[cfg(test)]
mod tests {
    use super::iso_8601;

    #[test]
    fn dates_fall_where_the_calendar_puts_them() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (951_782_400, "2000-02-29T00:00:00+00:00"),
            (1_767_225_599, "2025-12-31T23:59:59+00:00"),
            (4_107_542_400, "2100-03-01T00:00:00+00:00"),
            (-1, "1969-12-31T23:59:59+00:00"),
        ] {
            assert_eq!(iso_8601(unix), text);
        }
    }
}
