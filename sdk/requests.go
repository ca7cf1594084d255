package sdk

import "time"

// A CheckCredentialsRequest asks whether the account's credentials work.
type CheckCredentialsRequest struct {
	Call Call `json:"call"`
}

// A CredentialCheck is the verdict. Reason is for the operator when Valid is false.
type CredentialCheck struct {
	Valid  bool   `json:"valid"`
	Reason string `json:"reason,omitempty"`
}

// A FindPaymentRequest asks for a payment by Order, or by Call.Reference when Order
// is empty. CreatedAt bounds a search: the payment is not older.
type FindPaymentRequest struct {
	Call      Call      `json:"call"`
	Order     OrderRef  `json:"order,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// A PaymentFinding is the answer to a lookup. Authoritative says of a payment that
// was not found that, once the manifest's visibility delay has passed, there is none.
type PaymentFinding struct {
	Found         bool      `json:"found"`
	Authoritative bool      `json:"authoritative,omitempty"`
	Payment       *Snapshot `json:"payment,omitempty"`
}

// A CaptureRequest asks for held money. Final releases what is left after it.
type CaptureRequest struct {
	Call   Call     `json:"call"`
	Order  OrderRef `json:"order"`
	Amount Money    `json:"amount"`
	Final  bool     `json:"final"`
}

// A CaptureResult answers a CaptureRequest. Released is what this capture let go;
// nil if the provider did not say.
type CaptureResult struct {
	Answer
	Capture  CaptureRef `json:"capture,omitempty"`
	Released *Money     `json:"released,omitempty"`
}

// A VoidRequest asks for what is held and not captured to be let go.
type VoidRequest struct {
	Call  Call     `json:"call"`
	Order OrderRef `json:"order"`
}

// A VoidResult answers a VoidRequest. Released is what was let go by it.
type VoidResult struct {
	Answer
	Released *Money `json:"released,omitempty"`
}

// A CancelRequest asks for an unapproved payment to be called off.
type CancelRequest struct {
	Call    Call     `json:"call"`
	Order   OrderRef `json:"order,omitempty"`
	Session string   `json:"session,omitempty"`
}

// A CancelResult answers a CancelRequest. While ApprovalPossible, a buyer who still
// has the page can approve, and the host must be ready to let the money go.
type CancelResult struct {
	Answer
	ApprovalPossible bool `json:"approval_possible"`
}

// A RefundReason is why money goes back.
type RefundReason string

// The reasons. Each connector maps them to its provider's words.
const (
	RefundRequested  RefundReason = "requested_by_customer"
	RefundFraudulent RefundReason = "fraudulent"
	RefundDuplicate  RefundReason = "duplicate"
)

// A RefundRequest asks for captured money to go back. Capture is set when the
// manifest's refund scope is [RefundCapture].
type RefundRequest struct {
	Call    Call         `json:"call"`
	Order   OrderRef     `json:"order"`
	Capture CaptureRef   `json:"capture,omitempty"`
	Amount  Money        `json:"amount"`
	Reason  RefundReason `json:"reason"`
	// Description is the merchant's own words, where the provider takes any.
	Description string `json:"description,omitempty"`
}

// A RefundResult answers a RefundRequest.
type RefundResult struct {
	Answer
	Refund RefundRef `json:"refund,omitempty"`
}

// A FindRefundRequest asks for a refund by Refund, or by Call.OperationID among the
// refunds of Capture or Order when Refund is empty.
type FindRefundRequest struct {
	Call    Call       `json:"call"`
	Order   OrderRef   `json:"order,omitempty"`
	Capture CaptureRef `json:"capture,omitempty"`
	Refund  RefundRef  `json:"refund,omitempty"`
}

// A RefundFinding is the answer to a refund lookup.
type RefundFinding struct {
	Found         bool            `json:"found"`
	Authoritative bool            `json:"authoritative,omitempty"`
	Refund        *RefundSnapshot `json:"refund,omitempty"`
}

// A TokenizeRequest asks for the buyer's payment instrument to be stored.
type TokenizeRequest struct {
	Call      Call     `json:"call"`
	Method    string   `json:"method"`
	Buyer     *Buyer   `json:"buyer,omitempty"`
	Billing   *Contact `json:"billing,omitempty"`
	ReturnURL string   `json:"return_url,omitempty"`
	CancelURL string   `json:"cancel_url,omitempty"`
	Locale    string   `json:"locale,omitempty"`
}

// A TokenizeResult answers a TokenizeRequest.
type TokenizeResult struct {
	Answer
	Token TokenRef `json:"token,omitempty"`
	Next  *Next    `json:"next,omitempty"`
}

// A DeleteTokenRequest asks for a stored instrument to be forgotten.
type DeleteTokenRequest struct {
	Call  Call     `json:"call"`
	Token TokenRef `json:"token"`
}

// A DeleteTokenResult answers a DeleteTokenRequest.
type DeleteTokenResult struct {
	Answer
}

// A ZeroAuthorizeRequest asks whether an instrument is good, without holding money.
type ZeroAuthorizeRequest struct {
	Call     Call     `json:"call"`
	Currency Currency `json:"currency"`
	Country  string   `json:"country"`
	Method   string   `json:"method"`
	Token    TokenRef `json:"token,omitempty"`
	Billing  *Contact `json:"billing,omitempty"`
}

// A ZeroAuthorizeResult answers a ZeroAuthorizeRequest.
type ZeroAuthorizeResult struct {
	Answer
}

// An IncrementRequest asks for an authorization to be raised by Amount.
type IncrementRequest struct {
	Call   Call     `json:"call"`
	Order  OrderRef `json:"order"`
	Amount Money    `json:"amount"`
}

// An IncrementResult answers an IncrementRequest.
type IncrementResult struct {
	Answer
}

// Health is a process's own opinion of itself. Reason is for the operator when it
// is not serving.
type Health struct {
	Serving bool   `json:"serving"`
	Reason  string `json:"reason,omitempty"`
}
