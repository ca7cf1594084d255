package chaos

// A Kind is what is asked for.
type Kind string

// The kinds of operations. An authorization's effect is an order at the provider.
const (
	Authorize Kind = "authorize"
	Capture   Kind = "capture"
	Refund    Kind = "refund"
	Void      Kind = "void"
)

// Told is the last word that a merchant heard of an operation.
type Told string

// The words. Nothing is also what a merchant heard whose request was refused.
const (
	Nothing   Told = ""
	Succeeded Told = "succeeded"
	Failed    Told = "failed"
)

// An Ask is one operation that a merchant asked for. However often it was repeated
// under its Idempotency-Key, it is one. Amounts are in minor units, and no two
// operations of one kind on one payment have the same.
type Ask struct {
	Payment string // the merchant's name for the payment
	Kind    Kind
	Amount  int64
	Told    Told
}

// A Payment is what the host says of one payment, to merchants and to operators.
type Payment struct {
	ID        string
	Name      string // the merchant's name for it
	Reference string // the host's name for it at the provider
	Status    string // as merchants are told
	Unsettled int    // operations whose end the host does not know

	Authorized, Captured, Released, Refunded int64

	Moves      []Move // captures and refunds
	Operations []Operation
}

// A Move is a capture or refund as merchants are told.
type Move struct {
	Operation string // which asked for it; something else if none of this host did
	Kind      Kind
	Amount    int64
	Status    string
	Ref       string // the provider's name for it
}

// An Operation is what an operator is told of one.
type Operation struct {
	ID      string
	Kind    Kind
	Amount  int64
	Outcome string
	// Ends are the different ends that the payment's story tells of it.
	Ends []string
}

// An Order is a payment as the provider has it.
type Order struct {
	ID        string
	Reference string
}

// A Movement is money that moved at the provider.
type Movement struct {
	Motion    string // "authorized", "captured", "released" or "refunded"
	Amount    int64
	Reference string
	Key       string // the provider's idempotency key of the request that moved it
	Ref       string // of the capture or refund
}

// Books are what the three sides say. The provider's are kept by another process.
type Books struct {
	Asks      []Ask
	Payments  []Payment
	Orders    []Order
	Movements []Movement
}
