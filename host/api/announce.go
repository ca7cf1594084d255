package api

import (
	"log/slog"
	"maps"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// NewAnnouncer returns what decides which changes to payments merchants are told of, and
// words them as the API does: a change of the status, every step of a capture or refund,
// and what the merchant changed. An operation that is on its way changes nothing yet: its
// answer does. publicURL and mode are those of [Config].
func NewAnnouncer(publicURL string, mode sdk.Mode, logger *slog.Logger) store.Announcer {
	a := announcer{log: logger, environment: "sandbox"}
	if mode == sdk.ModeLive {
		a.environment = "production"
	}
	if u, err := url.Parse(publicURL); err == nil {
		a.instance = u.Hostname()
	}
	return a
}

type announcer struct {
	instance    string // what the contract calls the name of an instance: here, the host's own
	environment string
	log         *slog.Logger
}

// An announcement is what is sent: a resource, and what happened to it.
type announcement struct {
	Type              string  `json:"type"`
	ID                string  `json:"id"`
	Name              string  `json:"name"`
	CreatedAt         instant `json:"created_at"`
	MerchantAccountID string  `json:"merchant_account_id"`
	Instance          string  `json:"gr4vy_id"`
	Environment       string  `json:"environment"`
	Target            any     `json:"target"`
}

// Watch implements [store.Announcer].
func (a announcer) Watch(before *store.Record) func(*store.Record, store.Audience) []store.Delivery {
	was := told(before)
	return func(after *store.Record, to store.Audience) []store.Delivery {
		names, targets := a.news(was, after, to.Service)
		var all []store.Delivery
		for i, name := range names {
			for _, sub := range to.Subscriptions {
				d := store.Delivery{ID: uuid.NewString(), Subscription: sub, Name: name}
				body, err := reply(0, announcement{
					Type: "event", ID: d.ID, Name: name, CreatedAt: instant(after.UpdatedAt),
					MerchantAccountID: after.MerchantAccount, Instance: a.instance, Environment: a.environment,
					Target: targets[i],
				})
				if err != nil {
					a.untold(after, name, err)
					continue
				}
				d.Body = body.body
				all = append(all, d)
			}
		}
		return all
	}
}

// untold logs what could not be put into words. The change itself is not to suffer.
func (a announcer) untold(rec *store.Record, name string, err error) {
	a.log.Error("webhook could not be made", "payment_id", rec.Payment.ID, "event", name, "error", err)
}

// A tale is what merchants have been told of a payment.
type tale struct {
	status            ledger.Status
	captures, refunds map[string]string // the status of each, by id
	external          string
	metadata          map[string]string
	voids             []sdk.Outcome // of the voids that have an answer
}

// told is what can be told of a payment: all but what is on its way.
func told(rec *store.Record) tale {
	t := tale{
		status: settledStatus(rec), captures: map[string]string{}, refunds: map[string]string{},
		external: rec.ExternalID, metadata: maps.Clone(rec.Metadata),
	}
	v := rec.View()
	for _, m := range v.Captures {
		if !onItsWay(rec, m) {
			t.captures[moveID(*rec, "capture", m)] = captureStatus(m)
		}
	}
	for _, m := range v.WholeRefunds() {
		if !onItsWay(rec, m) {
			t.refunds[moveID(*rec, "refund", m)] = refundStatus(m)
		}
	}
	for i := range rec.Operations {
		if op := &rec.Operations[i]; op.Kind == sdk.OpVoid && op.Outcome != "" {
			t.voids = append(t.voids, op.Outcome)
		}
	}
	return t
}

// settledStatus is the payment's status without the captures and voids that are on their
// way: those are pending for a moment, each of them, and that is no news.
func settledStatus(rec *store.Record) ledger.Status {
	known := rec.Ledger
	known.Operations = slices.DeleteFunc(slices.Clone(rec.Operations), func(op ledger.Operation) bool {
		return op.Outcome == "" && (op.Kind == sdk.OpCapture || op.Kind == sdk.OpVoid)
	})
	return known.Status(known.View())
}

// onItsWay reports whether all that is known of a move is that it was asked for, or that
// a part of it was.
func onItsWay(rec *store.Record, m ledger.Move) bool {
	if m.Status != sdk.MoveUnknown || m.Asked == nil {
		return false
	}
	for i := range rec.Operations {
		if op := &rec.Operations[i]; op.Outcome == "" && (op.ID == m.Operation || op.PartOf == m.Operation) {
			return true
		}
	}
	return false
}

// news lists what happened since, by name, and beside each what it happened to.
func (a announcer) news(was tale, rec *store.Record, service string) (names []string, targets []any) {
	is := told(rec)
	tell := func(name string, target any) { names, targets = append(names, name), append(targets, target) }
	if about := was.until(is); len(about) > 0 {
		t, err := renderTransaction(*rec, service)
		for _, name := range about {
			if err != nil {
				a.untold(rec, name, err)
				continue
			}
			tell(name, t)
		}
	}
	v := rec.View()
	for _, m := range v.Captures {
		if id := moveID(*rec, "capture", m); is.captures[id] != was.captures[id] {
			tell("capture."+is.captures[id], renderCapture(*rec, m))
		}
	}
	for _, m := range v.WholeRefunds() {
		if id := moveID(*rec, "refund", m); is.refunds[id] != was.refunds[id] {
			tell(refundEvents[is.refunds[id]], renderRefund(*rec, m))
		}
	}
	return names, targets
}

// until names what happened to the transaction itself from then until now.
func (was tale) until(is tale) []string {
	var names []string
	// Back to a hold from a capture or void that failed is no second authorization.
	back := is.status == ledger.StatusAuthorizationSucceeded &&
		(was.status == ledger.StatusCapturePending || was.status == ledger.StatusVoidPending)
	if name := statusEvents[is.status]; is.status != was.status && name != "" && !back {
		names = append(names, name)
	}
	for id, status := range is.captures {
		if status != was.captures[id] && (status == "declined" || status == "failed") {
			names = append(names, "transaction.capture-failed")
			break
		}
	}
	for i, outcome := range is.voids {
		if i < len(was.voids) && was.voids[i] == outcome {
			continue
		}
		switch outcome { //nolint:exhaustive // the others show in the status
		case sdk.OutcomeDeclined:
			names = append(names, "transaction.void-declined")
		case sdk.OutcomeNotAttempted:
			names = append(names, "transaction.void-failed")
		}
	}
	if is.external != was.external || !maps.Equal(is.metadata, was.metadata) {
		names = append(names, "transaction.modified")
	}
	return names
}

// statusEvents is what merchants are told when a transaction comes into a status. Those
// that it is in before the buyer has decided are no events of the contract.
var statusEvents = map[ledger.Status]string{
	ledger.StatusAuthorizationSucceeded: "transaction.authorized",
	ledger.StatusAuthorizationDeclined:  "transaction.declined",
	ledger.StatusAuthorizationFailed:    "transaction.failed",
	ledger.StatusVoidPending:            "transaction.void-pending",
	ledger.StatusVoided:                 "transaction.voided",
	ledger.StatusCapturePending:         "transaction.capture-pending",
	ledger.StatusCaptureSucceeded:       "transaction.captured",
}

// refundEvents is the same for refunds. The contract has no event for one that was called
// off: to the merchant it did not succeed.
var refundEvents = map[string]string{
	"processing": "refund.pending",
	"succeeded":  "refund.succeeded",
	"declined":   "refund.declined",
	"failed":     "refund.failed",
	"voided":     "refund.failed",
}
