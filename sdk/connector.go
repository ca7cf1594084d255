package sdk

import "context"

// A Connector is a payment provider's adapter. What it can do is what else it
// implements.
type Connector interface {
	// Describe returns the connector's manifest. It must do no I/O and return equal
	// manifests every time, before and after a restart.
	Describe() Manifest
}

// A CredentialChecker says whether an account's credentials work.
type CredentialChecker interface {
	// CheckCredentials must create nothing at the provider. Bad credentials are an
	// answer (Valid false), not an error.
	CheckCredentials(ctx context.Context, req CheckCredentialsRequest) (CredentialCheck, error)
}

// An Authorizer reserves the buyer's money, takes it at once, or says where the
// buyer must go to approve.
type Authorizer interface {
	// Authorize must be idempotent in req.Call.Key, and must store req.Call.Reference
	// at the provider such that FindPayment can find the payment by it.
	Authorize(ctx context.Context, req AuthorizeRequest) (AuthorizeResult, error)
}

// A PaymentFinder reads a payment.
type PaymentFinder interface {
	// FindPayment must find by the order reference, or by req.Call.Reference alone.
	// It must write nothing. Not finding is an answer (Found false), not an error.
	FindPayment(ctx context.Context, req FindPaymentRequest) (PaymentFinding, error)
}

// A Capturer takes money that is held.
type Capturer interface {
	// Capture must be idempotent in req.Call.Key. It must refuse with
	// [CodeAmountExceedsCapturable] or [CodeInvalidState] what cannot be captured.
	Capture(ctx context.Context, req CaptureRequest) (CaptureResult, error)
}

// A Voider releases what is held and not captured.
type Voider interface {
	// Void must be idempotent in req.Call.Key and must leave captured money alone.
	Void(ctx context.Context, req VoidRequest) (VoidResult, error)
}

// A Canceler calls off a payment that the buyer has not approved.
type Canceler interface {
	// Cancel must be idempotent in req.Call.Key. Where the provider cannot withdraw
	// the offer, Cancel changes nothing and says that approval can still happen.
	Cancel(ctx context.Context, req CancelRequest) (CancelResult, error)
}

// A Refunder returns captured money to the buyer.
type Refunder interface {
	// Refund must be idempotent in req.Call.Key. It must refuse with
	// [CodeAmountExceedsRefundable] what exceeds the money that was captured and not
	// yet returned.
	Refund(ctx context.Context, req RefundRequest) (RefundResult, error)
}

// A RefundFinder reads a refund.
type RefundFinder interface {
	// FindRefund must write nothing. Not finding is an answer, not an error.
	FindRefund(ctx context.Context, req FindRefundRequest) (RefundFinding, error)
}

// A WebhookReader verifies and understands what the provider sends, in one step, so
// that nothing unverified is ever parsed into a result.
type WebhookReader interface {
	// ReadWebhook must verify over the raw body in constant time and do no I/O. A
	// delivery that cannot be trusted is an answer (Refused set), not an error.
	ReadWebhook(ctx context.Context, req WebhookRequest) (WebhookReading, error)
}

// A WebhookRegistrar makes the provider send its webhooks to the host.
type WebhookRegistrar interface {
	// RegisterWebhook must be idempotent: given the current registration it keeps or
	// updates that one, and it never leaves two for the same URL.
	RegisterWebhook(ctx context.Context, req RegisterWebhookRequest) (WebhookRegistration, error)
}

// A Tokenizer stores a payment instrument for later payments.
type Tokenizer interface {
	Tokenize(ctx context.Context, req TokenizeRequest) (TokenizeResult, error)
}

// A TokenDeleter forgets a stored payment instrument.
type TokenDeleter interface {
	// DeleteToken of a token that is gone succeeds.
	DeleteToken(ctx context.Context, req DeleteTokenRequest) (DeleteTokenResult, error)
}

// A ZeroAuthorizer checks a payment instrument without holding money.
type ZeroAuthorizer interface {
	ZeroAuthorize(ctx context.Context, req ZeroAuthorizeRequest) (ZeroAuthorizeResult, error)
}

// An Incrementer raises the amount of an authorization.
type Incrementer interface {
	// Increment must be idempotent in req.Call.Key. On success the answer's amount is
	// the new total, as the provider holds it.
	Increment(ctx context.Context, req IncrementRequest) (IncrementResult, error)
}

// A HealthReporter is a connector whose running process can become unfit to serve.
type HealthReporter interface {
	// Health must answer at once and must not call the provider.
	Health(ctx context.Context) (Health, error)
}

// A Remote is a connector on the other side of a process boundary. It has every
// method, so its type says nothing about what it can do: ask Describe. Calling an
// operation that the connector lacks gives the error of [Unsupported]. A Remote is
// safe for concurrent use. Its errors are always of type [*Error].
type Remote interface {
	// Describe returns the manifest and what the connector implements.
	Describe(ctx context.Context) (Description, error)

	CredentialChecker
	Authorizer
	PaymentFinder
	Capturer
	Voider
	Canceler
	Refunder
	RefundFinder
	WebhookReader
	WebhookRegistrar
	Tokenizer
	TokenDeleter
	ZeroAuthorizer
	Incrementer
	HealthReporter
}

// A Description is what a connector says of itself.
type Description struct {
	Manifest   Manifest   `json:"manifest"`
	Operations Operations `json:"operations"`
}
