package book

// Status is where an order stands (smartpay-api.md §6.2).
type Status string

// The statuses this provider is known to reach. Two more exist as constants in
// some of its clients, "failed" and "pending"; no behaviour was ever seen, so
// no rule leads there.
const (
	RequiresAuthorization Status = "requires_authorization"
	RequiresCapture       Status = "requires_capture"
	Succeeded             Status = "succeeded"
	Canceled              Status = "canceled"
	Rejected              Status = "rejected"
)

// Trigger is what can happen to an order.
type Trigger string

// Every trigger there is. A capture is three triggers, because what follows
// depends on whether something is left and on what the merchant wants of it.
const (
	ApproveAutomatic   Trigger = "approve, capture automatic"
	ApproveManual      Trigger = "approve, capture manual"
	SoftDecline        Trigger = "soft decline"
	HardDecline        Trigger = "hard decline"
	CaptureWhole       Trigger = "capture the whole remainder"
	CapturePartRelease Trigger = "capture a part, release the rest"
	CapturePartKeep    Trigger = "capture a part, keep the rest"
	Cancel             Trigger = "cancel"
	Expire             Trigger = "expire"
)

// Step is what a trigger does to an order.
type Step struct {
	To       Status
	Pays     bool // a payment is created
	Releases bool // what is not captured is given back to the buyer
	Expires  bool // the authorisation's seven days start now
	Emits    []EventType
}

// captured narrows a rule to orders of which something, or nothing, has been captured.
type captured uint8

const (
	whatever captured = iota
	nothing
	some
)

type rule struct {
	from  Status
	on    Trigger
	after captured
	step  Step
}

// machine is smartpay-api.md §6.3, line by line. What is not here is refused.
//
// [UNK] The event of a cancelled or expired order of which something was
// captured: none is sent, because its status is then "succeeded" and
// "order.canceled" would contradict it.
var machine = []rule{
	{RequiresAuthorization, ApproveAutomatic, whatever,
		Step{To: Succeeded, Pays: true, Expires: true, Emits: []EventType{OrderAuthorized, PaymentCreated}}},
	{RequiresAuthorization, ApproveManual, whatever,
		Step{To: RequiresCapture, Expires: true, Emits: []EventType{OrderAuthorized}}},
	{RequiresAuthorization, SoftDecline, whatever,
		Step{To: RequiresAuthorization, Emits: []EventType{OrderRejected}}},
	{RequiresAuthorization, HardDecline, whatever,
		Step{To: Rejected, Emits: []EventType{OrderRejected}}},

	{RequiresCapture, CaptureWhole, whatever,
		Step{To: Succeeded, Pays: true, Emits: []EventType{PaymentCreated}}},
	{RequiresCapture, CapturePartRelease, whatever,
		Step{To: Succeeded, Pays: true, Releases: true, Emits: []EventType{PaymentCreated}}},
	{RequiresCapture, CapturePartKeep, whatever,
		Step{To: RequiresCapture, Pays: true, Emits: []EventType{PaymentCreated}}},

	{RequiresCapture, Cancel, nothing, Step{To: Canceled, Releases: true, Emits: []EventType{OrderCanceled}}},
	{RequiresCapture, Cancel, some, Step{To: Succeeded, Releases: true}},
	{RequiresCapture, Expire, nothing, Step{To: Canceled, Releases: true, Emits: []EventType{OrderCanceled}}},
	{RequiresCapture, Expire, some, Step{To: Succeeded, Releases: true}}, // [INF]

	{Canceled, Cancel, whatever, Step{To: Canceled}},
}

// Next looks up what a trigger does to an order in a status, of which
// something may already be captured. It reports false where the provider refuses.
func Next(from Status, anyCaptured bool, on Trigger) (Step, bool) {
	after := nothing
	if anyCaptured {
		after = some
	}
	for _, r := range machine {
		if r.from == from && r.on == on && (r.after == whatever || r.after == after) {
			return r.step, true
		}
	}
	return Step{}, false
}
