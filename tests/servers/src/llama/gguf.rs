//! Writes GGUF, the file format of llama.cpp's models.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

/// The alignment of each tensor's data, in bytes. It is the format's default.
const ALIGNMENT: usize = 32;

/// A value of the file's metadata.
#[derive(Clone, Debug)]
pub(super) enum Value {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    F32s(Vec<f32>),
    I32s(Vec<i32>),
}

impl Value {
    /// The format's number of its type.
    fn code(&self) -> u32 {
        match self {
            Self::U32(_) => 4,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::Text(_) => 8,
            Self::Texts(_) | Self::F32s(_) | Self::I32s(_) => 9,
        }
    }

    fn write(&self, file: &mut Vec<u8>) {
        match self {
            Self::U32(value) => file.extend(value.to_le_bytes()),
            Self::F32(value) => file.extend(value.to_le_bytes()),
            Self::Bool(value) => file.push(u8::from(*value)),
            Self::Text(text) => write_text(file, text),
            Self::Texts(texts) => {
                write_head(file, 8, texts.len());
                texts.iter().for_each(|text| write_text(file, text));
            }
            Self::F32s(values) => {
                write_head(file, 6, values.len());
                file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Self::I32s(values) => {
                write_head(file, 5, values.len());
                file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
}

/// A tensor of 32-bit floats.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    /// The fastest dimension comes first: the length of a row, then the number of rows.
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// The bytes of a file with this content.
pub(super) fn file(metadata: &[(&str, Value)], tensors: &[Tensor]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(b"GGUF");
    file.extend(3_u32.to_le_bytes());
    write_len(&mut file, tensors.len());
    write_len(&mut file, metadata.len());
    for (key, value) in metadata {
        write_text(&mut file, key);
        file.extend(value.code().to_le_bytes());
        value.write(&mut file);
    }
    let mut offset = 0;
    for tensor in tensors {
        write_info(&mut file, tensor, offset);
        offset = (offset + tensor.values.len() * size_of::<f32>()).next_multiple_of(ALIGNMENT);
    }
    for tensor in tensors {
        pad(&mut file);
        file.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    pad(&mut file);
    file
}

fn write_info(file: &mut Vec<u8>, tensor: &Tensor, offset: usize) {
    /// The format's number of 32-bit floats.
    const F32: u32 = 0;
    write_text(file, &tensor.name);
    let dimensions = u32::try_from(tensor.shape.len()).expect("a tensor has few dimensions");
    file.extend(dimensions.to_le_bytes());
    tensor.shape.iter().for_each(|length| write_len(file, *length));
    file.extend(F32.to_le_bytes());
    write_len(file, offset);
}

fn write_head(file: &mut Vec<u8>, code: u32, len: usize) {
    file.extend(code.to_le_bytes());
    write_len(file, len);
}

fn write_text(file: &mut Vec<u8>, text: &str) {
    write_len(file, text.len());
    file.extend(text.as_bytes());
}

fn write_len(file: &mut Vec<u8>, len: usize) {
    file.extend(u64::try_from(len).expect("a length has at most 64 bits").to_le_bytes());
}

fn pad(file: &mut Vec<u8>) {
    file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests {
    use super::{ALIGNMENT, Tensor, Value, file};

    #[test]
    fn a_file_is_what_the_format_says() {
        let tensor = Tensor { name: "t".to_owned(), shape: vec![2, 1], values: vec![1.0, 2.0] };
        let written = file(&[("k", Value::U32(7))], &[tensor]);
        let mut expected = b"GGUF\x03\0\0\0".to_vec();
        expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(b"\x01\0\0\0\0\0\0\0k\x04\0\0\0\x07\0\0\0");
        expected.extend(b"\x01\0\0\0\0\0\0\0t\x02\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        expected.resize(expected.len().next_multiple_of(ALIGNMENT), 0);
        expected.extend(b"\0\0\x80\x3f\0\0\0\x40");
        expected.resize(expected.len().next_multiple_of(ALIGNMENT), 0);
        assert_eq!(written, expected);
    }

    #[test]
    fn each_tensor_begins_at_a_multiple_of_the_alignment() {
        let tensors = ["a", "b"].map(|name| Tensor { name: name.to_owned(), shape: vec![1], values: vec![1.0] });
        let written = file(&[], &tensors);
        let data = written.len() - 2 * ALIGNMENT;
        assert_eq!(data % ALIGNMENT, 0);
        for start in [data, data + ALIGNMENT] {
            assert_eq!(written[start..start + 4], 1_f32.to_le_bytes());
        }
    }
}
