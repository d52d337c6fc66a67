//! Builds a language model of 160 kB that says one sentence.
//!
//! It is a Llama of two blocks whose weights are all zero, so the blocks return their input. Each
//! word has a direction of its own. The output looks for the direction of the word before, so the
//! next word follows each word. A prompt has the direction of the beginning, since its tokens are
//! bytes. After the sentence comes the token that ends an answer. Where a request forbids that
//! token (`ignore_eos`), the sentence begins again.

use super::gguf::{Tensor, Value, file};

/// The words of the sentence.
const WORDS: [&str; 10] = ["A", "breaker", "opens", "after", "failures", "and", "closes", "when", "trials", "succeed"];
/// The length of a token's vector.
const WIDTH: usize = 32;
const HIDDEN: usize = 64;
const BLOCKS: usize = 2;
const HEADS: usize = 4;
/// How many tokens come before the bytes: unknown, beginning and end.
const SPECIAL: usize = 3;
const END: usize = 2;
const FIRST_WORD: usize = SPECIAL + 256;
const VOCABULARY: usize = FIRST_WORD + WORDS.len();
/// How much likelier the next word is, as the exponent of a number: it comes at any temperature.
const SURE: f32 = 20.0;

/// The most tokens of a conversation.
const CONTEXT: u32 = 131_072;

const TEMPLATE: &str =
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}";

/// The model's answer to every prompt. The server adds a blank before each word, also before the
/// first.
#[must_use]
pub fn llama_sentence() -> String {
    WORDS.join(" ")
}

/// The file of the model.
pub(super) fn model() -> Vec<u8> {
    file(&metadata(), &tensors())
}

fn metadata() -> Vec<(&'static str, Value)> {
    let size = |size: usize| Value::U32(u32::try_from(size).expect("the model is small"));
    let text = |text: &str| Value::Text(text.to_owned());
    vec![
        ("general.architecture", text("llama")),
        ("general.name", text("one sentence")),
        ("llama.context_length", Value::U32(CONTEXT)),
        ("llama.embedding_length", size(WIDTH)),
        ("llama.block_count", size(BLOCKS)),
        ("llama.feed_forward_length", size(HIDDEN)),
        ("llama.attention.head_count", size(HEADS)),
        ("llama.attention.head_count_kv", size(HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.rope.dimension_count", size(WIDTH / HEADS)),
        ("llama.vocab_size", size(VOCABULARY)),
        ("tokenizer.ggml.model", text("llama")),
        ("tokenizer.ggml.tokens", Value::Texts(tokens())),
        ("tokenizer.ggml.scores", Value::F32s(vec![0.0; VOCABULARY])),
        ("tokenizer.ggml.token_type", Value::I32s(token_types())),
        ("tokenizer.ggml.unknown_token_id", Value::U32(0)),
        ("tokenizer.ggml.bos_token_id", Value::U32(1)),
        ("tokenizer.ggml.eos_token_id", size(END)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(true)),
        ("tokenizer.chat_template", text(TEMPLATE)),
    ]
}

fn tokens() -> Vec<String> {
    let special = ["<unk>", "<s>", "</s>"].map(str::to_owned);
    let bytes = (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>"));
    // The tokenizer writes a blank as U+2581.
    let words = WORDS.iter().map(|word| format!("\u{2581}{word}"));
    special.into_iter().chain(bytes).chain(words).collect()
}

fn token_types() -> Vec<i32> {
    let (normal, unknown, control, byte) = (1, 2, 3, 6);
    let mut types = vec![unknown, control, control];
    types.resize(FIRST_WORD, byte);
    types.resize(VOCABULARY, normal);
    types
}

fn tensors() -> Vec<Tensor> {
    let mut tensors = vec![tensor("token_embd.weight", WIDTH, VOCABULARY, embedding())];
    for block in 0..BLOCKS {
        let mut add = |name: &str, width: usize, rows: usize| {
            let values = vec![if rows == 1 { 1.0 } else { 0.0 }; width * rows];
            tensors.push(tensor(&format!("blk.{block}.{name}.weight"), width, rows, values));
        };
        add("attn_norm", WIDTH, 1);
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"] {
            add(name, WIDTH, WIDTH);
        }
        add("ffn_norm", WIDTH, 1);
        add("ffn_gate", WIDTH, HIDDEN);
        add("ffn_up", WIDTH, HIDDEN);
        add("ffn_down", HIDDEN, WIDTH);
    }
    tensors.push(tensor("output_norm.weight", WIDTH, 1, vec![1.0; WIDTH]));
    tensors.push(tensor("output.weight", WIDTH, VOCABULARY, output()));
    tensors
}

fn tensor(name: &str, width: usize, rows: usize, values: Vec<f32>) -> Tensor {
    let shape = if rows == 1 { vec![width] } else { vec![width, rows] };
    Tensor { name: name.to_owned(), shape, values }
}

/// The direction of each token: direction 0 for the tokens of prompts, one of its own for each
/// word.
fn embedding() -> Vec<f32> {
    let mut rows = vec![0.0; WIDTH * VOCABULARY];
    for token in 0..VOCABULARY {
        rows[token * WIDTH + direction(token)] = 1.0;
    }
    rows
}

fn direction(token: usize) -> usize {
    token.checked_sub(FIRST_WORD).map_or(0, |word| word + 1)
}

/// The direction that each token follows.
fn output() -> Vec<f32> {
    let mut rows = vec![0.0; WIDTH * VOCABULARY];
    for token in FIRST_WORD..VOCABULARY {
        rows[token * WIDTH + direction(token) - 1] = SURE;
    }
    let last = direction(VOCABULARY - 1);
    rows[END * WIDTH + last] = SURE;
    rows[FIRST_WORD * WIDTH + last] = SURE / 2.0;
    rows
}

#[cfg(test)]
mod tests {
    use super::{
        END, FIRST_WORD, VOCABULARY, WIDTH, direction, embedding, model, output, tensors, token_types, tokens,
    };

    /// The tokens after this one, the likeliest first, without those that score zero.
    fn after(token: usize) -> Vec<usize> {
        let (embedding, output) = (embedding(), output());
        let state = &embedding[token * WIDTH..][..WIDTH];
        let logit =
            |next: usize| -> f32 { output[next * WIDTH..][..WIDTH].iter().zip(state).map(|(a, b)| a * b).sum() };
        let mut likely: Vec<_> = (0..VOCABULARY).filter(|next| logit(*next) > 0.0).collect();
        likely.sort_by(|a, b| logit(*b).total_cmp(&logit(*a)));
        likely
    }

    #[test]
    fn each_word_is_followed_by_the_next_and_the_last_by_the_end() {
        let (prompt, last) = (usize::from(b'?') + 3, VOCABULARY - 1);
        assert_eq!(after(prompt), [FIRST_WORD]);
        for word in FIRST_WORD..last {
            assert_eq!(after(word), [word + 1]);
        }
        assert_eq!(after(last), [END, FIRST_WORD]);
    }

    #[test]
    fn each_token_has_a_name_a_type_and_a_row() {
        assert_eq!((tokens().len(), token_types().len()), (VOCABULARY, VOCABULARY));
        assert!(direction(VOCABULARY - 1) < WIDTH);
        for tensor in tensors() {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len(), "{}", tensor.name);
        }
    }

    #[test]
    fn the_file_is_small() {
        assert!((100_000..200_000).contains(&model().len()), "{} bytes", model().len());
    }
}
