use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(delegate)]
    Answered(http_0_2::StatusCode),
}

fn main() {}
