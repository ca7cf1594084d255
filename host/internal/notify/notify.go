// Package notify receives what providers send and makes them send it.
//
// A delivery is answered only after what it says is durable: a provider that gets
// its acknowledgement may forget the event. A delivery that cannot be verified
// changes nothing. What a verified one says about money is looked up at the provider
// before it is believed, where the connector asks for that. Deliveries may come
// early, late, twice and in any order.
package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// MaxBody is the largest delivery that is read, in bytes.
const MaxBody = 1 << 20

const (
	readTimeout     = 2 * time.Second  // for a connector to verify and parse
	foldTimeout     = 10 * time.Second // to look up and store what it says
	registerTimeout = 15 * time.Second
)

// Payments is what the notifier does with an observation.
type Payments interface {
	Observe(ctx context.Context, id sdk.PaymentID, s sdk.Snapshot, source string) (store.Record, error)
	Look(ctx context.Context, id sdk.PaymentID, source string) (store.Record, error)
}

// Config is what a notifier works with.
type Config struct {
	Store      *store.Store
	Connectors settle.Connectors
	Payments   Payments
	Logger     *slog.Logger
	Now        func() time.Time
	// PublicURL is where providers reach this host, without a trailing slash.
	PublicURL string
	// Tolerance is how far a delivery's own time may be from ours; 0 means what the
	// connector states, and 5 minutes where it states nothing.
	Tolerance time.Duration
}

// A Notifier receives providers' webhooks. It is safe for concurrent use and keeps no
// state.
type Notifier struct{ Config }

// New returns a notifier.
func New(c Config) *Notifier { return &Notifier{c} }

// URL is where the provider of a payment service delivers.
func (n *Notifier) URL(serviceID string) string { return n.PublicURL + "/webhooks/" + serviceID }

// ErrTooLarge means that the delivery is larger than [MaxBody].
var ErrTooLarge = fmt.Errorf("the delivery is larger than %d bytes", MaxBody)

// Receive reads one delivery, makes what it says durable, and returns the answer that
// the provider expects. An error means that the delivery could not be dealt with now
// and should be answered with a server error, so that it comes again. A payment
// service that is unknown or has no webhook gives [store.ErrNotFound].
func (n *Notifier) Receive(ctx context.Context, serviceID string, req *http.Request) (sdk.Respond, error) {
	svc, err := n.Store.Service(ctx, serviceID)
	if err != nil {
		return sdk.Respond{}, err
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, MaxBody+1))
	if err != nil {
		return sdk.Respond{}, fmt.Errorf("reading the delivery: %w", err)
	}
	if len(body) > MaxBody {
		return sdk.Respond{}, ErrTooLarge
	}
	reading, err := n.read(ctx, svc, req, body)
	if err != nil {
		return sdk.Respond{}, err
	}
	log := n.Logger.With("payment_service_id", svc.ID, "event_id", reading.EventID, "event_type", reading.EventType)
	if reading.Refused != nil {
		log.WarnContext(ctx, "webhook refused", "code", reading.Refused.Code, "error", reading.Refused)
		return reading.Respond, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), foldTimeout)
	defer cancel()
	for _, seen := range reading.Observations {
		if err := n.fold(ctx, svc, seen, reading.ReadAgain); err != nil {
			return sdk.Respond{}, fmt.Errorf("event %s: %w", reading.EventID, err)
		}
	}
	log.InfoContext(ctx, "webhook processed", "observations", len(reading.Observations))
	return reading.Respond, nil
}

// read has the connector verify and parse the delivery.
func (n *Notifier) read(ctx context.Context, svc store.PaymentService, req *http.Request, body []byte) (sdk.WebhookReading, error) {
	lease, err := n.Connectors.Acquire(ctx, svc.Connector)
	if err != nil {
		return sdk.WebhookReading{}, err
	}
	defer lease.Release()
	if !lease.Description.Operations.Has(sdk.OpReadWebhook) || svc.Webhook == nil {
		return sdk.WebhookReading{}, store.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	reading, err := lease.Remote.ReadWebhook(ctx, sdk.WebhookRequest{
		Call:      sdk.Call{Account: settle.AccountOf(svc)},
		Method:    req.Method,
		URL:       svc.Webhook.URL,
		Headers:   req.Header,
		Body:      body,
		Secrets:   svc.Webhook.Secrets,
		Now:       n.Now(),
		Tolerance: n.tolerance(lease.Description.Manifest),
	})
	if err != nil {
		return sdk.WebhookReading{}, fmt.Errorf("reading a delivery to payment service %s: %w", svc.ID, err)
	}
	return reading, nil
}

func (n *Notifier) tolerance(m sdk.Manifest) time.Duration {
	if n.Tolerance > 0 {
		return n.Tolerance
	}
	if m.Webhook != nil && m.Webhook.Tolerance > 0 {
		return time.Duration(m.Webhook.Tolerance)
	}
	return 5 * time.Minute
}

// fold finds the payment that an observation is of, and has it believed. A payment
// that this host does not know is somebody else's: acknowledged, and left alone.
func (n *Notifier) fold(ctx context.Context, svc store.PaymentService, seen sdk.Snapshot, readAgain bool) error {
	rec, err := n.find(ctx, svc, seen)
	switch {
	case errors.Is(err, store.ErrNotFound) || (err == nil && rec.Service != svc.ID):
		n.Logger.InfoContext(ctx, "webhook is of no payment known here", "payment_service_id", svc.ID, "order", seen.Order)
		return nil
	case err != nil:
		return err
	}
	if readAgain {
		_, err = n.Payments.Look(ctx, rec.Payment.ID, settle.SourceWebhook)
	} else {
		_, err = n.Payments.Observe(ctx, rec.Payment.ID, seen, settle.SourceWebhook)
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok && e.Category() == sdk.CategoryIntegrity {
		return nil // told in the payment's story; hearing it again would not help
	}
	return err
}

// find locates a payment by whatever the observation names it by.
func (n *Notifier) find(ctx context.Context, svc store.PaymentService, seen sdk.Snapshot) (store.Record, error) {
	if seen.Order != "" {
		rec, err := n.Store.PaymentByOrder(ctx, svc.Connector, seen.Order)
		if !errors.Is(err, store.ErrNotFound) {
			return rec, err
		}
	}
	if seen.Reference != "" {
		rec, err := n.Store.PaymentByReference(ctx, seen.Reference)
		if !errors.Is(err, store.ErrNotFound) {
			return rec, err
		}
	}
	for _, r := range seen.Refunds {
		if r.Capture == "" {
			continue
		}
		rec, err := n.Store.PaymentByCapture(ctx, svc.Connector, r.Capture)
		if !errors.Is(err, store.ErrNotFound) {
			return rec, err
		}
	}
	for _, c := range seen.Captures {
		rec, err := n.Store.PaymentByCapture(ctx, svc.Connector, c.Ref)
		if !errors.Is(err, store.ErrNotFound) {
			return rec, err
		}
	}
	return store.Record{}, store.ErrNotFound
}

// Register makes the provider of svc deliver to this host, if its connector can, and
// fills in svc.Webhook. It is safe to repeat. The caller stores svc.
func (n *Notifier) Register(ctx context.Context, svc *store.PaymentService) error {
	lease, err := n.Connectors.Acquire(ctx, svc.Connector)
	if err != nil {
		return err
	}
	defer lease.Release()
	if !lease.Description.Operations.Has(sdk.OpRegisterWebhook) {
		return nil
	}
	current := ""
	if svc.Webhook != nil {
		current = svc.Webhook.RegistrationID
	}
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	url := n.URL(svc.ID)
	reg, err := lease.Remote.RegisterWebhook(ctx, sdk.RegisterWebhookRequest{
		Call: sdk.Call{Account: settle.AccountOf(*svc)}, URL: url, Current: current,
	})
	if err != nil {
		return fmt.Errorf("registering the webhook of payment service %s: %w", svc.ID, err)
	}
	svc.Webhook = &store.Webhook{RegistrationID: reg.ID, URL: url, Secrets: rotated(svc.Webhook, reg)}
	return nil
}

// rotated puts the new secret first and keeps the one before it, since deliveries
// signed with that may be on their way.
func rotated(had *store.Webhook, reg sdk.WebhookRegistration) []sdk.SigningSecret {
	secrets := []sdk.SigningSecret{{RegistrationID: reg.ID, Secret: reg.Secret}}
	if had != nil && len(had.Secrets) > 0 && !had.Secrets[0].Secret.Equal(reg.Secret) {
		secrets = append(secrets, had.Secrets[0])
	}
	return secrets
}
