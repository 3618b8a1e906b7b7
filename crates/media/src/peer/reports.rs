//! Reports (RFC 3550 section 6.4) between the library's form and the one we reckon with.

use std::time::Instant;

use bytes::Bytes;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{
    SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem,
};

use super::rtcp::{DueReport, ReportBlock, RtcpSession};

/// One or several RTCP packets that go together (RFC 3550 section 6.1).
pub(super) type Compound = Vec<Box<dyn rtc::rtcp::Packet>>;

/// A report as a compound packet, with the name that ties the streams of one sender together.
pub(super) fn compose(report: DueReport, cname: &str) -> Compound {
    let reports = report
        .block
        .iter()
        .map(|block| ReceptionReport {
            ssrc: block.ssrc,
            fraction_lost: block.fraction_lost,
            total_lost: block.total_lost,
            last_sequence_number: block.highest_sequence,
            jitter: block.jitter,
            last_sender_report: block.last_sender_report,
            delay: block.delay,
        })
        .collect();
    let first: Box<dyn rtc::rtcp::Packet> = match report.sender {
        Some(sender) => Box::new(SenderReport {
            ssrc: report.ssrc,
            ntp_time: sender.ntp,
            rtp_time: sender.rtp,
            packet_count: sender.packets,
            octet_count: sender.payload_bytes,
            reports,
            profile_extensions: Bytes::new(),
        }),
        None => Box::new(ReceiverReport { ssrc: report.ssrc, reports, profile_extensions: Bytes::new() }),
    };
    let name = SourceDescription {
        chunks: vec![SourceDescriptionChunk {
            source: report.ssrc,
            items: vec![SourceDescriptionItem {
                sdes_type: SdesType::SdesCname,
                text: Bytes::copy_from_slice(cname.as_bytes()),
            }],
        }],
    };
    vec![first, Box::new(name)]
}

/// What every compound packet begins with when there is nothing to report.
pub(super) fn empty_report(ssrc: u32) -> Box<dyn rtc::rtcp::Packet> {
    Box::new(ReceiverReport { ssrc, reports: Vec::new(), profile_extensions: Bytes::new() })
}

/// Hands the reports in a compound packet to `session`, and each block that is about its stream to `about_ours`.
pub(super) fn read(
    session: &mut RtcpSession,
    now: Instant,
    packet: &dyn rtc::rtcp::Packet,
    mut about_ours: impl FnMut(&RtcpSession, ReportBlock),
) {
    let packet = packet.as_any();
    let blocks = if let Some(report) = packet.downcast_ref::<SenderReport>() {
        session.sender_report(now, report.ssrc, report.ntp_time);
        &report.reports
    } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
        &report.reports
    } else {
        return;
    };
    for block in blocks {
        let block = ReportBlock {
            ssrc: block.ssrc,
            fraction_lost: block.fraction_lost,
            total_lost: block.total_lost,
            highest_sequence: block.last_sequence_number,
            jitter: block.jitter,
            last_sender_report: block.last_sender_report,
            delay: block.delay,
        };
        if session.report_block(now, block) {
            about_ours(session, block);
        }
    }
}
