//! Greets whomever a `hello.v1.Hello/Greet` names.
use longrun_client::{Client, ClientError, Worker};

#[tokio::main]
async fn main() -> Result<(), ClientError> {
    let client = Client::connect("http://127.0.0.1:8080", None).await?;
    Worker::new(client, "longrun.local")
        .handle("hello.v1.Hello/Greet", |ctx, name: String| async move {
            ctx.progress(&"thinking".to_owned()).await?;
            Ok(format!("Hello, {name}!"))
        })
        .run()
        .await
}
