//! Where one TURN message ends on a stream and the next begins (RFC 8656 section 12.5, RFC 8489 section 6.2.2). Pure.

use bytes::{Buf, Bytes, BytesMut};

/// A STUN message's header.
const STUN_HEADER: usize = 20;
/// A channel data message's header.
const CHANNEL_HEADER: usize = 4;

/// The longest padding.
const ZEROS: &[u8] = &[0; 3];

/// The bytes are not TURN; there is no way to find the next message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NotTurn;

/// A message and its length on the stream, padding included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Extent {
    message: usize,
    padded: usize,
}

/// How long the message is whose first bytes these are; `None` while too few are there.
fn extent(start: &[u8]) -> Result<Option<Extent>, NotTurn> {
    let Some([first, _, high, low]) = start.first_chunk() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    // The first two bits tell them apart (RFC 8656 section 12).
    match first >> 6 {
        0 if length.is_multiple_of(4) => {
            let message = STUN_HEADER + length;
            Ok(Some(Extent { message, padded: message }))
        }
        1 => {
            let message = CHANNEL_HEADER + length;
            Ok(Some(Extent { message, padded: message.next_multiple_of(4) }))
        }
        _ => Err(NotTurn),
    }
}

/// Takes the first whole message off `received`, without its padding. `None` while it is not whole.
///
/// The buffer never has to hold more than one message of 65,555 bytes; it grows by what has arrived, not by what a
/// header says.
pub(super) fn take_message(received: &mut BytesMut) -> Result<Option<Bytes>, NotTurn> {
    let Some(extent) = extent(received)? else { return Ok(None) };
    if received.len() < extent.padded {
        return Ok(None);
    }
    let message = received.split_to(extent.message).freeze();
    received.advance(extent.padded - extent.message);
    Ok(Some(message))
}

/// The zeros to send after a datagram so that it is a message on a stream; `None` when it is no TURN message.
pub(super) fn padding_after(datagram: &[u8]) -> Option<&'static [u8]> {
    let extent = extent(datagram).ok()??;
    // Channel data may have come padded already.
    match datagram.len() {
        length if length == extent.padded => Some(&[]),
        length if length == extent.message => ZEROS.get(..extent.padded - extent.message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A STUN message with a body of so many bytes.
    fn stun(body: u16) -> Vec<u8> {
        let mut message = vec![0, 1];
        message.extend(body.to_be_bytes());
        message.extend([0x21, 0x12, 0xa4, 0x42]);
        message.resize(STUN_HEADER + usize::from(body), 7);
        message
    }

    fn channel_data(payload: &[u8]) -> Vec<u8> {
        let mut message = vec![0x40, 0x01];
        message.extend((payload.len() as u16).to_be_bytes());
        message.extend(payload);
        message
    }

    #[test]
    fn messages_come_whole_however_the_stream_is_cut() {
        let messages = [stun(8), channel_data(b"hello"), channel_data(b""), stun(0), channel_data(b"four")];
        let mut stream = Vec::new();
        for message in &messages {
            stream.extend(message);
            stream.extend(padding_after(message).unwrap());
        }
        for step in 1..stream.len() {
            let mut received = BytesMut::new();
            let mut found = Vec::new();
            for part in stream.chunks(step) {
                received.extend_from_slice(part);
                while let Some(message) = take_message(&mut received).unwrap() {
                    found.push(message.to_vec());
                }
            }
            assert_eq!(found, messages, "cut every {step} bytes");
            assert!(received.is_empty());
        }
    }

    #[test]
    fn what_is_no_turn_ends_the_stream() {
        for first in [0x80u8, 0xff] {
            let mut received = BytesMut::from(&[first, 0, 0, 0][..]);
            assert_eq!(take_message(&mut received), Err(NotTurn));
        }
        let mut received = BytesMut::from(&[0u8, 1, 0, 3][..]);
        assert_eq!(take_message(&mut received), Err(NotTurn), "a STUN body is a multiple of four");
        assert_eq!(padding_after(b""), None);
        assert_eq!(padding_after(&[0x40, 1, 0, 9, 1]), None, "shorter than it says");
        assert_eq!(padding_after(&[0x16, 0xfe, 0xfd, 0]), None, "DTLS");
    }

    #[test]
    fn a_long_length_alone_takes_no_memory() {
        let mut received = BytesMut::from(&[0x40u8, 1, 0xff, 0xff][..]);
        assert_eq!(take_message(&mut received), Ok(None));
        assert!(received.capacity() < 1024);
    }
}
