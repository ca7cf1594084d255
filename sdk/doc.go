// Package sdk defines what a payment connector is.
//
// A connector is any value that implements [Connector] and at least one operation
// interface. It says what it can do by what it implements: [OperationsOf] derives
// the set, and nobody keeps a second list in step by hand. What an interface
// cannot say (partial capture, limits, currencies, idempotency) is a fact in the
// [Manifest].
//
// Adopt the operations in this order:
//
//   - [CredentialChecker]: is this account's key any good?
//   - [Authorizer]: reserve or take the buyer's money, or send the buyer to approve it.
//   - [PaymentFinder]: what does the provider hold, by its reference or by ours?
//     Every connector with an Authorizer needs it: it is how lost answers are settled.
//   - [Capturer], [Voider], [Canceler]: take the money, let it go, call it off.
//   - [Refunder] and [RefundFinder]: give it back.
//   - [WebhookReader] and [WebhookRegistrar]: hear from the provider.
//   - [Tokenizer], [TokenDeleter], [ZeroAuthorizer], [Incrementer]: where the provider has them.
//   - [HealthReporter]: only where a running process can become unfit to serve.
//
// # What a connector must do
//
// A connector is stateless and serves many accounts; credentials arrive with each
// call in [Call.Account]. It makes at most one provider write per call, never
// retries a write on its own, and never decides policy: retrying, routing,
// journaling and swapping are the host's business. Methods may run concurrently.
//
// # What an answer means
//
// Every write ends in one [Outcome]. A result without an error carries it in
// [Answer.Outcome]; an error carries it through its [Code]. The zero Outcome, an
// error of unknown type, a panic, a crash and silence all mean [OutcomeUnknown]:
// money may have moved. [OutcomeNotAttempted] needs evidence that nothing took
// effect.
//
// # What this package does not do
//
// It does not start processes and knows no wire format: package serve turns a
// connector into a plugin process, package launch turns a plugin binary into a
// [Remote], package sdktest does both in memory. It imports only the standard
// library.
package sdk
