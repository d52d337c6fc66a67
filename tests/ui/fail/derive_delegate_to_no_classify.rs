use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(delegate)]
    One(String),
}

fn main() {}
