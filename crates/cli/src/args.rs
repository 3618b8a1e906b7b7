//! What can be typed.

mod ctl;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::pictures::{Camera, Screen};
use crate::sound::{Microphone, Speaker};

pub(crate) use ctl::{CtlArgs, CtlCommand, Policy, ProgramCommand, Role, Switch};

/// Bellbird without a window.
#[derive(Debug, Parser)]
#[command(name = "bellbird-cli", version, about, max_term_width = 100)]
pub(crate) struct Args {
    /// One JSON object a line on stdout instead of sentences.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// One real call in one process, with speech both ways, and a report of how well it went.
    Demo,
    /// Run the embedded server and the echo contact until SIGINT.
    Serve(ServeArgs),
    /// Accounts of an embedded server.
    #[command(subcommand)]
    User(UserCommand),
    /// Groups of accounts of an embedded server.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Settings of an embedded server.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List an account's conversations.
    Rooms(AccountArgs),
    /// Conversations.
    #[command(subcommand)]
    Room(RoomCommand),
    /// List people one can call.
    Contacts(ContactsArgs),
    /// Ring someone and stay in the call.
    Call(CallArgs),
    /// Join a conversation's call.
    Join(JoinArgs),
    /// Wait for calls.
    Listen(ListenArgs),
    /// List microphones, loudspeakers, cameras and screens.
    Devices,
    /// The background process that windows attach to: accounts, ringing, tray, control door.
    Core(CoreArgs),
    /// Steer a core, or another bellbird-cli, that runs on this machine.
    Ctl(CtlArgs),
    /// Logins kept on this machine.
    #[command(subcommand)]
    Account(AccountCommand),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// Where to listen. Port 0 takes a free one. Anything but loopback speaks TLS only.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Run without the echo contact.
    #[arg(long)]
    pub(crate) no_echo: bool,
    /// Speak TLS with this certificate (PEM, followed by its authority's): browsers need one they know.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM, without a passphrase).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Have this external signaling server (HPB) carry the calls. The setting `hpb-url` does the same for good.
    #[arg(long, value_name = "URL", requires = "hpb_secret_file")]
    pub(crate) hpb: Option<String>,
    /// The file that holds the secret shared with the signaling server.
    #[arg(long, value_name = "FILE", requires = "hpb")]
    pub(crate) hpb_secret_file: Option<PathBuf>,
    /// Name this TURN server to clients, as turn:HOST:PORT?transport=udp; may be given several times.
    #[arg(long, value_name = "URL", requires = "turn_secret_file")]
    pub(crate) turn: Vec<String>,
    /// The file that holds the secret shared with the TURN servers.
    #[arg(long, value_name = "FILE", requires = "turn")]
    pub(crate) turn_secret_file: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServerData {
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add an account; its password is taken from BELLBIRD_PASSWORD.
    Add {
        /// The login name.
        name: String,
        /// The name others see; without it the login name.
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// A guest's account: it finds only what is open to guests.
        #[arg(long)]
        guest_app: bool,
        #[command(flatten)]
        data: ServerData,
    },
    /// List the accounts.
    List {
        #[command(flatten)]
        data: ServerData,
    },
    /// Remove an account.
    Remove {
        /// The login name.
        name: String,
        #[command(flatten)]
        data: ServerData,
    },
    /// Make a new app password and print it as the last word.
    AppPassword {
        /// The login name.
        name: String,
        #[command(flatten)]
        data: ServerData,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Put accounts into a group, which is made when it is new.
    Add {
        /// The group.
        group: String,
        /// The accounts.
        #[arg(required = true)]
        names: Vec<String>,
        #[command(flatten)]
        data: ServerData,
    },
    /// List the groups and their members.
    List {
        #[command(flatten)]
        data: ServerData,
    },
    /// Remove a group; its accounts stay.
    Remove {
        /// The group.
        group: String,
        #[command(flatten)]
        data: ServerData,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Change a setting; a running server takes it up at once.
    Set {
        /// The setting, see `config list`.
        key: String,
        /// Its new value.
        #[arg(allow_hyphen_values = true)]
        value: String,
        #[command(flatten)]
        data: ServerData,
    },
    /// Print a setting.
    Get {
        /// The setting, see `config list`.
        key: String,
        #[command(flatten)]
        data: ServerData,
    },
    /// List every setting with its value and meaning.
    List {
        #[command(flatten)]
        data: ServerData,
    },
}

/// Which account acts.
#[derive(Debug, ClapArgs)]
pub(crate) struct AccountArgs {
    /// The server's address.
    #[arg(long, value_name = "URL", requires = "user", conflicts_with = "account")]
    pub(crate) server: Option<String>,
    /// The login name; the password is taken from BELLBIRD_PASSWORD.
    #[arg(long, value_name = "NAME", requires = "server", conflicts_with = "account")]
    pub(crate) user: Option<String>,
    /// A login stored before with `account add`.
    #[arg(long, value_name = "NAME", required_unless_present = "server")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) data: AppData,
}

/// Which account joins, unless a guest does.
#[derive(Debug, ClapArgs)]
pub(crate) struct JoinerArgs {
    /// The server's address.
    #[arg(long, value_name = "URL", requires = "user", conflicts_with = "account")]
    server: Option<String>,
    /// The login name; the password is taken from BELLBIRD_PASSWORD.
    #[arg(long, value_name = "NAME", requires = "server", conflicts_with = "account")]
    user: Option<String>,
    /// A login stored before with `account add`.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["server", "as_guest"])]
    account: Option<String>,
    #[command(flatten)]
    data: AppData,
}

impl JoinerArgs {
    /// The account that joins.
    pub(crate) fn account(&self) -> AccountArgs {
        let Self { server, user, account, data } = self;
        AccountArgs {
            server: server.clone(),
            user: user.clone(),
            account: account.clone(),
            data: data.clone(),
        }
    }
}

/// Where logins are kept, and what runs is found.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct AppData {
    /// The app's data folder; without it BELLBIRD_DATA, or the system's place for it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoomCommand {
    /// Make a conversation.
    Create {
        /// Its name.
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// Who can join.
        #[arg(long = "type", default_value = "group")]
        kind: RoomType,
        /// Someone to invite; may be given several times.
        #[arg(long, value_name = "NAME")]
        invite: Vec<String>,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Change whom a conversation's link lets in.
    #[command(group = clap::ArgGroup::new("change").required(true))]
    Link {
        /// The conversation's token.
        token: String,
        /// Everybody who has it, as long as it has not expired.
        #[arg(long, group = "change")]
        open: bool,
        /// Nobody: whoever came by it has to leave.
        #[arg(long, group = "change")]
        withdraw: bool,
        /// Everybody, until SECONDS from now.
        #[arg(long, group = "change", value_name = "SECONDS")]
        expires_in: Option<u32>,
        /// Everybody, without an end.
        #[arg(long, group = "change")]
        never_expires: bool,
        #[command(flatten)]
        account: AccountArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoomType {
    /// Who was invited.
    Group,
    /// Everyone with the link.
    Public,
}

/// Where a hand goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HandTo {
    /// Raised.
    Up,
    /// Lowered.
    Down,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ContactsArgs {
    /// Part of a name.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) search: String,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CallArgs {
    /// A user id, a JID, or `echo`.
    pub(crate) name: String,
    /// With a camera: the system's, when --camera names no other.
    #[arg(long)]
    pub(crate) video: bool,
    /// Agree to being recorded.
    #[arg(long)]
    pub(crate) recording_consent: bool,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) media: MediaArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct JoinArgs {
    /// The conversation's token or link. Its password, if it has one, is taken from BELLBIRD_ROOM_PASSWORD.
    pub(crate) room: String,
    /// Join as a guest of this name, by link and without an account; a token alone is one of the account's server.
    #[arg(long, value_name = "NAME")]
    pub(crate) as_guest: Option<String>,
    /// With a camera: the system's, when --camera names no other.
    #[arg(long)]
    pub(crate) video: bool,
    /// Ring nobody.
    #[arg(long)]
    pub(crate) silent: bool,
    /// Agree to being recorded.
    #[arg(long)]
    pub(crate) recording_consent: bool,
    /// So many clients at once, 1 to 50: guests `NAME 1`, `NAME 2`, …, or as many sessions of the account. Every event
    /// then says by `client` whose it is; films and sounds are kept apart by its number; a line on stdin is for all, or
    /// for client 2 behind `2:`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) count: Option<u32>,
    #[command(flatten)]
    pub(crate) joiner: JoinerArgs,
    #[command(flatten)]
    pub(crate) media: MediaArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListenArgs {
    /// The conversation this client counts as looking at: a remote join that names none means it.
    #[arg(long, value_name = "ROOM")]
    pub(crate) open: Option<String>,
    /// What to do when someone calls.
    #[arg(long, default_value = "answer")]
    pub(crate) on_call: OnCall,
    /// Agree to being recorded in the calls answered.
    #[arg(long)]
    pub(crate) recording_consent: bool,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) media: MediaArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnCall {
    /// Answer.
    Answer,
    /// Decline.
    Decline,
    /// Say that we are in another call.
    Busy,
    /// Let it ring.
    Ignore,
}

/// Sound, picture and the course of a call.
#[derive(Debug, ClapArgs)]
pub(crate) struct MediaArgs {
    #[command(flatten)]
    pub(crate) sound: SoundArgs,
    /// off, default, device:NAME, pattern or file:PATH.y4m. Any but `off` is on from the start of a call that we make
    /// or join, and of one that comes with video.
    #[arg(long, value_name = "CAMERA", default_value = "off")]
    pub(crate) camera: Camera,
    /// off, primary, monitor:N, window:TITLE, portal (what the system's own dialog asks) or pattern. Any but `off` is
    /// shared once connected.
    #[arg(long, value_name = "SCREEN", default_value = "off")]
    pub(crate) screen: Screen,
    /// Save received video here: one PARTICIPANT-camera.y4m and one PARTICIPANT-screen.y4m each.
    #[arg(long, value_name = "DIR")]
    pub(crate) save_video: Option<PathBuf>,
    /// End this many seconds after `connected`; `listen` then stops waiting, too.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) duration: Option<std::time::Duration>,
    /// Give up when nothing is connected after this many seconds.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) wait: Option<std::time::Duration>,
    /// A `stats` event every so many seconds.
    #[arg(long, value_name = "S", value_parser = period)]
    pub(crate) stats: Option<std::time::Duration>,
    /// Refuse to be joined by the remote join API.
    #[arg(long)]
    pub(crate) no_remote_join: bool,
    /// Lines on stdin steer the call: mute, unmute, hold, resume, end, ...
    #[arg(long)]
    pub(crate) stdin: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SoundArgs {
    /// default, device:NAME, file:PATH.wav (once, then silence), loop:PATH.wav, tone:HZ or silence.
    #[arg(long, value_name = "MIC", default_value = "default")]
    pub(crate) mic: Microphone,
    /// default, device:NAME, file:PATH.wav (what would be heard, 48 kHz mono) or null.
    #[arg(long, value_name = "SPEAKER", default_value = "default")]
    pub(crate) speaker: Speaker,
    /// Echo cancellation, noise suppression and gain off.
    #[arg(long)]
    pub(crate) no_processing: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CoreArgs {
    /// Start without showing a window (a core never shows one by itself at its start; said for those who read the
    /// process list).
    #[arg(long)]
    pub(crate) background: bool,
    #[command(flatten)]
    pub(crate) data: AppData,
    /// Let pages of this origin in at the control door, too; may be given several times.
    #[arg(long, value_name = "URL")]
    pub(crate) allow_origin: Vec<String>,
    /// Neither tray nor notifications.
    #[arg(long)]
    pub(crate) no_desktop: bool,
    /// default, device:NAME, file:PATH.wav, loop:PATH.wav, tone:HZ or silence, in place of the chosen microphone.
    #[arg(long, value_name = "MIC")]
    pub(crate) mic: Option<Microphone>,
    /// default, device:NAME, file:PATH.wav or null, in place of the chosen loudspeaker and ring device.
    #[arg(long, value_name = "SPEAKER")]
    pub(crate) speaker: Option<Speaker>,
    /// Echo cancellation, noise suppression and gain off.
    #[arg(long)]
    pub(crate) no_processing: bool,
    /// default, device:NAME, pattern or file:PATH.y4m, in place of the chosen camera.
    #[arg(long, value_name = "CAMERA")]
    pub(crate) camera: Option<Camera>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Sign in and keep the login: through the browser, or with a name and the password of BELLBIRD_PASSWORD, which is
    /// not kept.
    Add {
        /// The server's address.
        #[arg(long, value_name = "URL")]
        server: String,
        /// The login name; without it the link to sign in with is printed.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        #[command(flatten)]
        data: AppData,
    },
    /// List the logins.
    List {
        #[command(flatten)]
        data: AppData,
    },
    /// Sign out and forget a login.
    Remove {
        /// Its id, or its user id when only one has it.
        name: String,
        #[command(flatten)]
        data: AppData,
    },
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    std::time::Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn period(text: &str) -> Result<std::time::Duration, String> {
    let period = seconds(text)?;
    if period.is_zero() { Err("must be longer than nothing".into()) } else { Ok(period) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    fn parses(line: &str) -> bool {
        Args::try_parse_from(line.split_whitespace()).is_ok()
    }

    #[test]
    fn every_line_of_the_contract_is_understood() {
        for line in [
            "bellbird-cli demo --json",
            "bellbird-cli --json serve --listen 127.0.0.1:0 --data d --no-echo",
            "bellbird-cli user add ann --display-name Ann --guest-app --data d",
            "bellbird-cli user list --data d",
            "bellbird-cli user remove ann --data d",
            "bellbird-cli user app-password ann --data d",
            "bellbird-cli group add team ann bob --data d",
            "bellbird-cli group list --data d",
            "bellbird-cli group remove team --data d",
            "bellbird-cli config set sip-dialout 1 --data d",
            "bellbird-cli config get sip-dialout --data d",
            "bellbird-cli config list --data d",
            "bellbird-cli rooms --server http://127.0.0.1:8090 --user ann",
            "bellbird-cli room create --name Team --type public --invite bob --invite eve --account ann",
            "bellbird-cli contacts --search b --server s --user ann",
            "bellbird-cli call bob --server s --user ann --mic file:a.wav --speaker null --camera off --screen off \
             --save-video d --no-processing --duration 1.5 --wait 10 --stats 1 --no-remote-join --stdin",
            "bellbird-cli call bob --video --recording-consent --account ann --mic tone:440",
            "bellbird-cli join abc --as-guest Eve --video --silent --recording-consent --account ann",
            "bellbird-cli listen --on-call busy --account ann --mic loop:a.wav --speaker file:b.wav",
            "bellbird-cli listen --recording-consent --account ann",
            "bellbird-cli listen --no-remote-join --open abc123 --account ann",
            "bellbird-cli join abc --as-guest Eve --count 50 --server s --user ann",
            "bellbird-cli call bob --camera file:a.y4m --screen window:Page --account ann",
            "bellbird-cli listen --camera pattern --screen pattern --save-video d --account ann",
            "bellbird-cli devices",
            "bellbird-cli core --background --data d",
            "bellbird-cli ctl status --data d",
            "bellbird-cli ctl mute",
            "bellbird-cli ctl remote-join forbid --account local",
            "bellbird-cli ctl allow 1 --screen monitor:0",
            "bellbird-cli ctl refuse 1",
            "bellbird-cli ctl programs",
            "bellbird-cli ctl program add Deploy --data d",
            "bellbird-cli ctl program revoke 0a1b",
            "bellbird-cli ctl allow-programs off",
            "bellbird-cli ctl mute --token-file f",
        ] {
            assert!(parses(line), "{line}: {:?}", Args::try_parse_from(line.split_whitespace()).err());
        }
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in [
            "bellbird-cli",
            "bellbird-cli call",
            "bellbird-cli call bob",
            "bellbird-cli call bob --server s",
            "bellbird-cli join abc123",
            "bellbird-cli join abc --as-guest Eve --count 0",
            "bellbird-cli join abc --as-guest Eve --count 51",
            "bellbird-cli call bob --account ann --server s --user ann",
            "bellbird-cli call bob --account ann --mic trumpet",
            "bellbird-cli call bob --account ann --mic tone:loud",
            "bellbird-cli call bob --account ann --speaker tone:440",
            "bellbird-cli call bob --account ann --duration never",
            "bellbird-cli call bob --account ann --duration -1",
            "bellbird-cli call bob --account ann --stats 0",
            "bellbird-cli listen --account ann --on-call sing",
            "bellbird-cli user add ann",
            "bellbird-cli serve --listen nowhere",
            "bellbird-cli serve --hpb http://127.0.0.1:1",
            "bellbird-cli serve --turn-secret-file f",
            "bellbird-cli config set key --data d",
            "bellbird-cli ctl allow-programs maybe",
            "bellbird-cli ctl program add",
            "bellbird-cli nonsense",
        ] {
            assert!(!parses(line), "{line}");
        }
    }
}
