use breaker_core::Classify;

#[derive(Classify)]
union Fault {
    code: u32,
}

fn main() {
    drop(Fault { code: 1 });
}
