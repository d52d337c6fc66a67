use breaker_core::circuit_breaker;

#[derive(Debug)]
struct Fault;

struct Client;

#[circuit_breaker]
impl Client {
    async fn get(&self) -> Result<u32, Fault> {
        Ok(1)
    }

    fn len(&self) -> u32 {
        2
    }
}

async fn caller(client: &Client) -> Result<u32, Fault> {
    Ok(client.get().await? + client.len())
}

fn main() {
    drop(caller(&Client));
}
