//! Prints the access key that a client of the AWS SDK for Rust signs with, found by its default
//! chain; where it is to show a renewal, again when that has changed.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_sts::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::{BoxError, DisplayErrorContext};
use aws_sdk_sts::Client;
use aws_smithy_http_client::Builder;

/// Keeps the access key of each request once it is signed, and lets none out.
#[derive(Clone, Debug, Default)]
struct LastKey(Arc<Mutex<Option<String>>>);

impl Intercept for LastKey {
    fn name(&self) -> &'static str {
        "LastKey"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let signature = context.request().headers().get("authorization").unwrap_or_default();
        let key = signature.split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
        *self.0.lock().unwrap() = key.map(str::to_owned);
        Err("signed, and that is all".into())
    }
}

async fn key(client: &Client, last: &LastKey) -> Result<String, String> {
    *last.0.lock().unwrap() = None;
    let answer = client.get_caller_identity().send().await;
    let signed = last.0.lock().unwrap().take();
    signed.ok_or_else(|| answer.map_or_else(|e| DisplayErrorContext(e).to_string(), |_| "".into()))
}

async fn until_renewed() -> Result<(), String> {
    let http = Builder::new().build_http();
    let shared = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let last = LastKey::default();
    let config = aws_sdk_sts::config::Builder::from(&shared).interceptor(last.clone()).build();
    let client = Client::from_conf(config);
    let first = key(&client, &last).await?;
    println!("{first}");
    if std::env::var_os("TEST_RENEWAL").is_none() {
        return Ok(());
    }
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = key(&client, &last).await?;
        if now != first {
            println!("{now}");
            return Ok(());
        }
    }
    Ok(())
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Err(fault) = runtime.block_on(until_renewed()) {
        eprintln!("{fault}");
        std::process::exit(1);
    }
}
