//! Y4M: uncompressed pictures in a file, as `ffmpeg` and `mpv` read and write them. 4:2:0 with 8 bits.

use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use crate::convert::{PixelFormat, Pixels};
use crate::frame::{FrameError, MAX_SIDE, VideoFrame};

/// A longer line is none of this format, bytes.
const LONGEST_LINE: u64 = 512;

const MAGIC: &str = "YUV4MPEG2";

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Y4mError {
    /// It begins or goes on with something else.
    #[error("this is no Y4M file: {0}")]
    Format(&'static str),
    /// It is one, with pictures we do not read.
    #[error("pictures of the form {0} are not read, only 4:2:0 with 8 bits")]
    Pictures(String),
    /// It has pictures of an impossible size.
    #[error(transparent)]
    Size(#[from] FrameError),
    /// It ends in the middle of a picture.
    #[error("the file ends in the middle of a picture")]
    Truncated,
    /// The system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Pictures a second, as a fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRate {
    /// Pictures; above 0.
    pub pictures: u32,
    /// In so many seconds; above 0.
    pub seconds: u32,
}

impl FrameRate {
    /// When a picture is due after the beginning of the film, counted from 0.
    pub fn due(self, index: u64) -> Duration {
        let nanoseconds = u128::from(index) * u128::from(self.seconds) * 1_000_000_000;
        Duration::from_nanos(
            u64::try_from(nanoseconds / u128::from(self.pictures.max(1))).unwrap_or(u64::MAX),
        )
    }
}

/// Reads a film from its beginning.
pub struct Y4mReader<R> {
    source: R,
    /// As in the file; may be odd.
    width: u32,
    height: u32,
    rate: FrameRate,
    /// Where the first picture begins, bytes.
    first: u64,
    buffer: Vec<u8>,
}

impl<R> std::fmt::Debug for Y4mReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Y4mReader({}x{})", self.width, self.height)
    }
}

impl<R: BufRead> Y4mReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is not such a file, or has other pictures than we read.
    pub fn new(mut source: R) -> Result<Self, Y4mError> {
        let line = read_line(&mut source)?.ok_or(Y4mError::Format("it is empty"))?;
        let first = line.len() as u64 + 1;
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        if words.next() != Some(MAGIC) {
            return Err(Y4mError::Format("its first word is another"));
        }
        let (mut width, mut height, mut rate) = (None, None, FrameRate { pictures: 25, seconds: 1 });
        for word in words {
            let mut letters = word.chars();
            let tag = letters.next();
            let value = letters.as_str();
            match tag {
                Some('W') => width = value.parse().ok(),
                Some('H') => height = value.parse().ok(),
                Some('F') => rate = parse_rate(value).unwrap_or(rate),
                Some('C') if !["420", "420jpeg", "420mpeg2", "420paldv"].contains(&value) => {
                    return Err(Y4mError::Pictures(value.chars().take(16).collect()));
                }
                // Interlacing, the shape of a pixel and comments change nothing here.
                Some(_) | None => {}
            }
        }
        let (Some(width), Some(height)) = (width, height) else {
            return Err(Y4mError::Format("it does not say its size"));
        };
        if !(2..=MAX_SIDE).contains(&width) || !(2..=MAX_SIDE).contains(&height) {
            return Err(FrameError::Size { width, height }.into());
        }
        let (wide, high) = (width as usize, height as usize);
        let buffer = vec![0; wide * high + wide.div_ceil(2) * high.div_ceil(2) * 2];
        Ok(Self { source, width, height, rate, first, buffer })
    }

    /// Of the pictures that come out, pixels; even.
    pub fn width(&self) -> u32 {
        self.width & !1
    }

    /// Likewise.
    pub fn height(&self) -> u32 {
        self.height & !1
    }

    /// At which the pictures are to be shown.
    pub fn rate(&self) -> FrameRate {
        self.rate
    }

    /// The next picture, said to be taken at `captured`; `None` at the end.
    ///
    /// # Errors
    /// When the file is broken or cannot be read.
    pub fn read(&mut self, captured: Instant) -> Result<Option<VideoFrame>, Y4mError> {
        let Some(line) = read_line(&mut self.source)? else { return Ok(None) };
        if line != "FRAME" && !line.starts_with("FRAME ") {
            return Err(Y4mError::Format("a picture does not begin where it should"));
        }
        self.source.read_exact(&mut self.buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Y4mError::Truncated,
            _ => Y4mError::Io(error),
        })?;
        let pixels = Pixels {
            format: PixelFormat::I420,
            width: self.width,
            height: self.height,
            stride: self.width as usize,
            data: &self.buffer,
        };
        Ok(Some(VideoFrame::from_pixels(&pixels, captured)?))
    }
}

impl<R: BufRead + Seek> Y4mReader<R> {
    /// Goes back to the first picture.
    ///
    /// # Errors
    /// When the system says no.
    pub fn rewind(&mut self) -> Result<(), Y4mError> {
        self.source.seek(SeekFrom::Start(self.first))?;
        Ok(())
    }
}

/// A line without its end; `None` at the end of the file.
fn read_line(source: &mut impl BufRead) -> Result<Option<String>, Y4mError> {
    let mut line = Vec::new();
    source.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(Y4mError::Format("a line has no end"));
    }
    String::from_utf8(line).map(Some).map_err(|_| Y4mError::Format("a line is no text"))
}

fn parse_rate(value: &str) -> Option<FrameRate> {
    let (pictures, seconds) = value.split_once(':')?;
    let rate = FrameRate { pictures: pictures.parse().ok()?, seconds: seconds.parse().ok()? };
    (rate.pictures > 0 && rate.seconds > 0).then_some(rate)
}

/// Writes a film.
pub struct Y4mWriter<W> {
    target: W,
    width: u32,
    height: u32,
}

impl<W> std::fmt::Debug for Y4mWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Y4mWriter({}x{})", self.width, self.height)
    }
}

impl<W: Write> Y4mWriter<W> {
    /// Writes the header. All pictures must have this size.
    ///
    /// # Errors
    /// When the size is impossible or the system says no.
    pub fn new(mut target: W, width: u32, height: u32, rate: FrameRate) -> Result<Self, Y4mError> {
        VideoFrame::bytes_for(width, height)?;
        let FrameRate { pictures, seconds } = rate;
        writeln!(target, "{MAGIC} W{width} H{height} F{pictures}:{seconds} Ip A1:1 C420mpeg2")?;
        Ok(Self { target, width, height })
    }

    /// Writes one picture.
    ///
    /// # Errors
    /// When it has another size or the system says no.
    pub fn write(&mut self, frame: &VideoFrame) -> Result<(), Y4mError> {
        let (width, height) = (frame.width(), frame.height());
        if (width, height) != (self.width, self.height) {
            return Err(FrameError::Size { width, height }.into());
        }
        self.target.write_all(b"FRAME\n")?;
        self.target.write_all(frame.data())?;
        Ok(())
    }

    /// Hands what is still held back to the system.
    ///
    /// # Errors
    /// When the system says no.
    pub fn finish(mut self) -> Result<W, Y4mError> {
        self.target.flush()?;
        Ok(self.target)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::Pattern;

    const RATE: FrameRate = FrameRate { pictures: 30_000, seconds: 1_001 };

    #[test]
    fn what_is_written_is_read_again_and_again() {
        let pattern = Pattern::new(64, 36).unwrap();
        let now = Instant::now();
        let mut writer = Y4mWriter::new(Vec::new(), 64, 36, RATE).unwrap();
        for number in 0..3 {
            writer.write(&pattern.draw(number, now)).unwrap();
        }
        assert!(writer.write(&Pattern::new(32, 36).unwrap().draw(0, now)).is_err());
        let file = writer.finish().unwrap();
        let mut reader = Y4mReader::new(Cursor::new(file)).unwrap();
        assert_eq!((reader.width(), reader.height(), reader.rate()), (64, 36, RATE));
        for _ in 0..2 {
            for number in 0..3 {
                let read = reader.read(now).unwrap().unwrap();
                assert_eq!(read.data(), pattern.draw(number, now).data());
            }
            assert!(reader.read(now).unwrap().is_none());
            reader.rewind().unwrap();
        }
    }

    #[test]
    fn odd_sizes_and_words_of_others_are_read() {
        let mut file = b"YUV4MPEG2 W3 H3 F25:1 Ip A128:117 C420jpeg XYSCSS=420JPEG\nFRAME Ixyz\n".to_vec();
        file.extend([1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 101, 102, 103, 200, 201, 202, 203]);
        let mut reader = Y4mReader::new(Cursor::new(file)).unwrap();
        assert_eq!((reader.width(), reader.height()), (2, 2));
        assert_eq!(reader.read(Instant::now()).unwrap().unwrap().data(), [1, 2, 4, 5, 100, 200]);
    }

    #[test]
    fn rates_give_the_time_of_each_picture() {
        assert_eq!(RATE.due(30_000), Duration::from_secs(1_001));
        assert_eq!(FrameRate { pictures: 25, seconds: 1 }.due(1), Duration::from_millis(40));
        FrameRate { pictures: 1, seconds: u32::MAX }.due(u64::MAX);
    }

    #[test]
    fn broken_files_are_told_apart() {
        let open = |text: &str| Y4mReader::new(Cursor::new(text.as_bytes().to_vec()));
        assert!(matches!(open(""), Err(Y4mError::Format(_))));
        assert!(matches!(open("RIFF W2 H2\n"), Err(Y4mError::Format(_))));
        assert!(matches!(open("YUV4MPEG2 W2\n"), Err(Y4mError::Format(_))));
        assert!(matches!(open("YUV4MPEG2 W2 H2"), Err(Y4mError::Format(_))));
        assert!(matches!(open("YUV4MPEG2 W99999 H2\n"), Err(Y4mError::Size(_))));
        assert!(matches!(open("YUV4MPEG2 W2 H2 C422\n"), Err(Y4mError::Pictures(_))));
        assert!(matches!(open("YUV4MPEG2 W2 H2 C420p10\n"), Err(Y4mError::Pictures(_))));
        assert!(matches!(open(&format!("YUV4MPEG2 {}\n", "X".repeat(600))), Err(Y4mError::Format(_))));
        let read = |text: &str| open(text).unwrap().read(Instant::now());
        assert!(matches!(read("YUV4MPEG2 W2 H2\nFRAME\n123"), Err(Y4mError::Truncated)));
        assert!(matches!(read("YUV4MPEG2 W2 H2\nFRAMES\n123456"), Err(Y4mError::Format(_))));
        assert!(read("YUV4MPEG2 W2 H2 F0:0\n").unwrap().is_none());
    }
}
