package book

import (
	"slices"
	"testing"
)

// TestMachine asks the machine for every status, with and without something
// captured, and every trigger. What is not listed here must be refused.
func TestMachine(t *testing.T) {
	type state struct {
		status   Status
		captured bool
	}
	authorized, rejected := []EventType{OrderAuthorized}, []EventType{OrderRejected}
	paid, canceled := []EventType{PaymentCreated}, []EventType{OrderCanceled}
	waiting := map[Trigger]Step{
		ApproveAutomatic: {To: Succeeded, Pays: true, Expires: true, Emits: []EventType{OrderAuthorized, PaymentCreated}},
		ApproveManual:    {To: RequiresCapture, Expires: true, Emits: authorized},
		SoftDecline:      {To: RequiresAuthorization, Emits: rejected},
		HardDecline:      {To: Rejected, Emits: rejected},
	}
	captures := map[Trigger]Step{
		CaptureWhole:       {To: Succeeded, Pays: true, Emits: paid},
		CapturePartRelease: {To: Succeeded, Pays: true, Releases: true, Emits: paid},
		CapturePartKeep:    {To: RequiresCapture, Pays: true, Emits: paid},
	}
	untouched, partly := map[Trigger]Step{
		Cancel: {To: Canceled, Releases: true, Emits: canceled},
		Expire: {To: Canceled, Releases: true, Emits: canceled},
	}, map[Trigger]Step{
		Cancel: {To: Succeeded, Releases: true},
		Expire: {To: Succeeded, Releases: true},
	}
	for trigger, step := range captures {
		untouched[trigger], partly[trigger] = step, step
	}
	again := map[Trigger]Step{Cancel: {To: Canceled}}
	want := map[state]map[Trigger]Step{
		{RequiresAuthorization, false}: waiting,
		{RequiresAuthorization, true}:  waiting,
		{RequiresCapture, false}:       untouched,
		{RequiresCapture, true}:        partly,
		{Canceled, false}:              again,
		{Canceled, true}:               again,
	}
	triggers := []Trigger{
		ApproveAutomatic, ApproveManual, SoftDecline, HardDecline, CaptureWhole, CapturePartRelease, CapturePartKeep,
		Cancel, Expire,
	}
	for _, status := range []Status{RequiresAuthorization, RequiresCapture, Succeeded, Canceled, Rejected, "failed", "pending"} {
		for _, captured := range []bool{false, true} {
			for _, trigger := range triggers {
				step, ok := Next(status, captured, trigger)
				expected, allowed := want[state{status, captured}][trigger]
				if ok != allowed || !sameStep(step, expected) {
					t.Errorf("Next(%s, captured %v, %s) = %+v, %v; want %+v, %v",
						status, captured, trigger, step, ok, expected, allowed)
				}
			}
		}
	}
}

func sameStep(a, b Step) bool {
	return a.To == b.To && a.Pays == b.Pays && a.Releases == b.Releases && a.Expires == b.Expires &&
		slices.Equal(a.Emits, b.Emits)
}
