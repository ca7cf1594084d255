package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Delivery is a webhook as it arrived.
type Delivery struct {
	Method  string
	URL     string
	Headers map[string][]string
	Body    []byte
	At      time.Time // by the simulator's clock
}

// A Subscription is where a provider sends a lane's webhooks.
type Subscription struct {
	lane         *Lane
	Registration sdk.WebhookRegistration
	Secrets      []sdk.SigningSecret
}

// A receiver takes deliveries.
type receiver struct {
	listener net.Listener
	server   *http.Server
	lane     *Lane
	serving  sync.WaitGroup

	mu    sync.Mutex
	taken []Delivery
	more  chan struct{} // closed and made anew with each delivery
}

// maxDelivery bounds a webhook's body.
const maxDelivery = 4 << 20

func newReceiver(l *Lane) (*receiver, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSuite, err)
	}
	r := &receiver{listener: listener, lane: l, more: make(chan struct{})}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	r.serving.Go(func() { _ = r.server.Serve(listener) }) // ends with close
	return r, nil
}

func (r *receiver) close() error {
	err := r.server.Close()
	r.serving.Wait()
	return err
}

func (r *receiver) url() string {
	return "http://" + r.listener.Addr().String() + "/webhooks/conformance"
}

// ServeHTTP takes a delivery and says that it came.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxDelivery))
	if err != nil {
		return // it is sent again
	}
	headers := map[string][]string(req.Header.Clone())
	headers["Host"] = []string{req.Host}
	r.mu.Lock()
	r.taken = append(r.taken, Delivery{
		Method: req.Method, URL: "http://" + req.Host + req.URL.RequestURI(), Headers: headers, Body: body, At: r.lane.Now(),
	})
	close(r.more)
	r.more = make(chan struct{})
	r.mu.Unlock()
	w.WriteHeader(http.StatusOK)
}

// Subscribe registers the lane's receiver at the provider.
func (l *Lane) Subscribe(ctx context.Context) (*Subscription, error) {
	if l.hooks == nil {
		var err error
		if l.hooks, err = newReceiver(l); err != nil {
			return nil, err
		}
	}
	registration, err := l.Remote.RegisterWebhook(ctx, sdk.RegisterWebhookRequest{Call: l.NewCall(), URL: l.hooks.url()})
	if err != nil {
		return nil, blocked("registering the webhook", err)
	}
	return &Subscription{lane: l, Registration: registration, Secrets: []sdk.SigningSecret{
		{RegistrationID: registration.ID, Secret: registration.Secret},
	}}, nil
}

// Deliveries waits until at least n webhooks have arrived and returns all of them, in
// their order. Too few within the context is the provider's fault: it blocks.
func (s *Subscription) Deliveries(ctx context.Context, n int) ([]Delivery, error) {
	r := s.lane.hooks
	for {
		r.mu.Lock()
		taken, more := append([]Delivery(nil), r.taken...), r.more
		r.mu.Unlock()
		if len(taken) >= n {
			return taken, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return taken, fmt.Errorf("%w: waiting for %d webhooks, %d came: %w", ErrBlocked, n, len(taken), ctx.Err())
		}
	}
}

// Reading is a delivery as a request for the connector to judge.
func (s *Subscription) Reading(d Delivery) sdk.WebhookRequest {
	call := s.lane.NewCall()
	call.Key, call.OperationID, call.PaymentID, call.Reference = "", "", "", ""
	tolerance := 5 * time.Minute
	if w := s.lane.Description.Manifest.Webhook; w != nil && w.Tolerance > 0 {
		tolerance = time.Duration(w.Tolerance)
	}
	return sdk.WebhookRequest{
		Call: call, Method: d.Method, URL: d.URL, Headers: d.Headers, Body: d.Body, Secrets: s.Secrets, Now: d.At,
		Tolerance: tolerance,
	}
}

// Read has the connector judge a delivery.
func (s *Subscription) Read(ctx context.Context, d Delivery) (sdk.WebhookReading, error) {
	return s.lane.Remote.ReadWebhook(ctx, s.Reading(d))
}

// Await waits for the first delivery that the connector reads as an observation for
// which want is true.
func (s *Subscription) Await(ctx context.Context, want func(Delivery, sdk.WebhookReading) bool) (Delivery, sdk.WebhookReading, error) {
	for n := 1; ; n++ {
		taken, err := s.Deliveries(ctx, n)
		if err != nil {
			return Delivery{}, sdk.WebhookReading{}, err
		}
		reading, err := s.Read(ctx, taken[n-1])
		if err != nil {
			return Delivery{}, sdk.WebhookReading{}, err
		}
		if want(taken[n-1], reading) {
			return taken[n-1], reading, nil
		}
		if n > 1000 {
			return Delivery{}, sdk.WebhookReading{}, errors.Join(ErrBlocked, errors.New("a thousand webhooks, and not the one that was waited for"))
		}
	}
}
