package fault

// Action is what a rule does.
type Action string

// What can happen to a request. "Acts" says whether the request takes effect at
// the provider; where a rule may choose, its field act does.
const (
	// Hang keeps the request open for ms (default: until the client leaves),
	// then drops the connection. Does not act unless act is true.
	Hang Action = "hang"
	// Delay waits for ms, then acts and answers as usual.
	Delay Action = "delay"
	// SlowDrip acts and answers at bytes_per_second.
	SlowDrip Action = "slow_drip"
	// ResetBeforeHeaders resets the connection before any byte of an answer.
	// Does not act unless act is true.
	ResetBeforeHeaders Action = "reset_before_headers"
	// ResetMidBody acts, sends headers and after_bytes of the body (default:
	// half of it), then resets the connection.
	ResetMidBody Action = "reset_mid_body"
	// ActThenDropResponse acts, then resets the connection: the effect is there,
	// the answer is lost.
	ActThenDropResponse Action = "act_then_drop_response"
	// Status answers with a status, headers and body of the rule's choosing. A
	// body that is a JSON string is sent as that text, any other as JSON; none
	// means the provider's error shape. Does not act unless act is true.
	Status Action = "status"
	// StoreErrorOnKey answers like Status (default 500) without acting, and
	// keeps that answer under the idempotency key for as long as any other.
	StoreErrorOnKey Action = "store_error_on_key"
	// ExpireKeys forgets every answer kept for the merchant, then goes on.
	ExpireKeys Action = "expire_keys"
	// KeyInProgress acts but holds the answer back for ms; meanwhile any other
	// request with the same idempotency key gets a 409.
	KeyInProgress Action = "key_in_progress"
	// KeyBusy acts, and answers 409 as if another request with the same idempotency
	// key were being answered; so does every use of the key until ms of the virtual
	// clock have passed. Then the key gets the answer. Nothing waits.
	KeyBusy Action = "key_busy"
	// VisibilityDelay acts, but for ms of the virtual clock whatever the request
	// created is not found by reads; with only: "lists", just left out of lists.
	VisibilityDelay Action = "visibility_delay"
	// OverrideAmount, OverrideCurrency and OverrideStatus act, and change the
	// answer, not the truth. OverrideField does so for any field, which may be
	// nested: "order.status".
	OverrideAmount   Action = "override_amount"
	OverrideCurrency Action = "override_currency"
	OverrideStatus   Action = "override_status"
	OverrideField    Action = "override_field"
	// EchoRequestInError answers with an error (default 400) whose text repeats
	// the whole request, credentials included. Does not act.
	EchoRequestInError Action = "echo_request_in_error"
)

// What can happen to a webhook; these go with on: "webhook".
const (
	// Drop never delivers it.
	Drop Action = "drop"
	// Late delivers it ms of the virtual clock later.
	Late Action = "late"
	// Duplicate delivers it copies more times (default 1), same event.
	Duplicate Action = "duplicate"
	// Reorder holds it back until behind later ones (default 1) for the same
	// endpoint have been tried, but no longer than five seconds.
	Reorder Action = "reorder"
	// Early delivers it before the answer to the request that caused it.
	Early Action = "early"
	// Replay delivers it, and once more ms later with the very timestamp and
	// signature of the first time.
	Replay Action = "replay"
	// WrongSignature spoils the signature; how is "secret" (signed with another
	// one, the default), "missing" or "body" (a body changed after signing).
	WrongSignature Action = "wrong_signature"
)

// shape is what an action understands, besides when it applies.
type shape struct {
	webhook  bool
	takes    []string
	requires []string
}

var shapes = map[Action]shape{
	Hang:                {takes: []string{"ms", "act"}},
	Delay:               {takes: []string{"ms"}, requires: []string{"ms"}},
	SlowDrip:            {takes: []string{"bytes_per_second"}, requires: []string{"bytes_per_second"}},
	ResetBeforeHeaders:  {takes: []string{"act"}},
	ResetMidBody:        {takes: []string{"after_bytes"}},
	ActThenDropResponse: {},
	Status:              {takes: []string{"status", "headers", "body", "act"}, requires: []string{"status"}},
	StoreErrorOnKey:     {takes: []string{"status", "headers", "body"}},
	ExpireKeys:          {},
	KeyInProgress:       {takes: []string{"ms"}, requires: []string{"ms"}},
	KeyBusy:             {takes: []string{"ms"}, requires: []string{"ms"}},
	VisibilityDelay:     {takes: []string{"ms", "only"}, requires: []string{"ms"}},
	OverrideAmount:      {takes: []string{"value"}, requires: []string{"value"}},
	OverrideCurrency:    {takes: []string{"value"}, requires: []string{"value"}},
	OverrideStatus:      {takes: []string{"value"}, requires: []string{"value"}},
	OverrideField:       {takes: []string{"field", "value"}, requires: []string{"field", "value"}},
	EchoRequestInError:  {takes: []string{"status"}},

	Drop:           {webhook: true},
	Late:           {webhook: true, takes: []string{"ms"}, requires: []string{"ms"}},
	Duplicate:      {webhook: true, takes: []string{"copies"}},
	Reorder:        {webhook: true, takes: []string{"behind"}},
	Early:          {webhook: true},
	Replay:         {webhook: true, takes: []string{"ms"}},
	WrongSignature: {webhook: true, takes: []string{"how"}},
}
