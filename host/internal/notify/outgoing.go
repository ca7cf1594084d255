package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

const (
	// AttemptTimeout is how long a merchant's endpoint has to answer.
	AttemptTimeout = 5 * time.Second
	// GiveUpAfter is how long a delivery is tried, from when it came about.
	GiveUpAfter = 7 * 24 * time.Hour

	firstDelay = 5 * time.Second // after the first attempt; each later one is twice as long
	lastDelay  = time.Hour       // and none is longer

	// atOnce is how many attempts one subscription has at once, while it answers. One
	// that does not is tried one delivery at a time: the others would only wait too.
	atOnce = 4
	// turn is how long a delivery waits that finds its subscription busy answering, and
	// longTurn the most that one waits whose subscription does not answer.
	turn     = 2 * time.Second
	longTurn = 10 * time.Minute

	// maxAnswer is how much of an answer is read, so that the connection can be used
	// again. Nothing of it is kept.
	maxAnswer = 64 << 10
)

// Outbox is what of the store a courier uses.
type Outbox interface {
	Delivery(ctx context.Context, id string) (store.Delivery, error)
	Subscription(ctx context.Context, id string) (store.Subscription, error)
	Tried(ctx context.Context, d store.Delivery) error
	GiveUpDelivery(ctx context.Context, id, why string) error
	DueDeliveries(ctx context.Context, before time.Time, from store.Mark, limit int) ([]string, store.Mark, error)
	ExpireDeliveries(ctx context.Context, limit int) (int, error)
}

// Jobs has deliveries made later.
type Jobs interface {
	// Add calls for those of the jobs that are not there yet, and returns how many.
	Add(ctx context.Context, jobs ...store.Job) (int, error)
}

// CourierConfig is what a courier works with.
type CourierConfig struct {
	Store  Outbox
	Jobs   Jobs
	Logger *slog.Logger
	Now    func() time.Time
	// Private lets deliveries go to loopback, private and otherwise special addresses,
	// where merchants could reach what only this host should.
	Private bool
}

// A Courier tells merchants what happened to payments. Of what is delivered it keeps no
// state: any host can make the next attempt. It is safe for concurrent use.
type Courier struct {
	CourierConfig
	client  *http.Client
	timeout time.Duration // AttemptTimeout, outside of tests
	results results

	mu   sync.Mutex
	busy map[string]*line
}

// A line is the attempts of one subscription. It exists while there are some, or while
// the last one failed.
type line struct {
	now    int  // attempts on their way
	failed bool // the last one
}

// NewCourier returns a courier. It connects directly: a proxy named in the environment
// would hide where its deliveries go.
func NewCourier(c CourierConfig) *Courier {
	dialer := &net.Dialer{Timeout: AttemptTimeout, KeepAlive: 30 * time.Second}
	if !c.Private {
		dialer.Control = publicOnly
	}
	return &Courier{
		CourierConfig: c,
		timeout:       AttemptTimeout,
		busy:          map[string]*line{},
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:            dialer.DialContext,
				TLSHandshakeTimeout:    AttemptTimeout,
				ResponseHeaderTimeout:  AttemptTimeout,
				MaxResponseHeaderBytes: 64 << 10,
				MaxConnsPerHost:        2 * atOnce,
				MaxIdleConnsPerHost:    atOnce,
				MaxIdleConns:           16 * atOnce,
				IdleConnTimeout:        30 * time.Second,
				ForceAttemptHTTP2:      true,
			},
			// A redirect is an answer that is not 2xx: what was meant for one place is
			// not for another.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close closes idle connections. Attempts on their way are not affected.
func (c *Courier) Close() { c.client.CloseIdleConnections() }

// Deliver makes one attempt at a delivery. done says that there is nothing left to do:
// it was delivered or given up, now or before; otherwise next is how long to wait until
// the next attempt. An error says that the outcome could not be written down: the attempt
// is to be made again, and the merchant may then hear the same delivery twice, with the
// same id.
func (c *Courier) Deliver(ctx context.Context, id string) (done bool, next time.Duration, err error) {
	d, err := c.Store.Delivery(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound) || (err == nil && d.DueAt.IsZero()):
		return true, 0, nil
	case err != nil:
		return false, 0, err
	}
	sub, err := c.Store.Subscription(ctx, d.Subscription)
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.forget(d.Subscription)
		return c.giveUp(ctx, d, "the subscription was deleted")
	case err != nil:
		return false, 0, err
	case !sub.Active:
		return c.giveUp(ctx, d, "the subscription is not active")
	}
	if entered, failing := c.enter(sub.ID); !entered {
		return false, wait(failing, c.Now().Sub(d.CreatedAt)), nil
	}
	status, problem := c.attempt(ctx, sub, d)
	c.leave(sub.ID, problem != "")
	if problem != "" && ctx.Err() != nil {
		return false, 0, fmt.Errorf("delivery %s was interrupted: %w", id, context.Cause(ctx))
	}
	return c.record(context.WithoutCancel(ctx), d, status, problem)
}

// record writes down how an attempt went.
func (c *Courier) record(ctx context.Context, d store.Delivery, status int, problem string) (bool, time.Duration, error) {
	now := c.Now()
	next := delay(d.Attempts)
	d.TriedAt, d.Status, d.Problem, d.Delivered, d.DueAt = now, status, problem, problem == "", time.Time{}
	result := Delivered
	switch {
	case d.Delivered:
		d.EndedAt = now
	case now.Add(next).After(d.CreatedAt.Add(GiveUpAfter)):
		result, d.EndedAt = GivenUp, now
	default:
		result, d.DueAt = Failed, now.Add(next)
	}
	c.results.add(result)
	c.Logger.InfoContext(ctx, "webhook attempted", "delivery_id", d.ID, "subscription_id", d.Subscription,
		"payment_id", d.Payment, "event", d.Name, "attempt", d.Attempts+1, "result", result, "status", status, "problem", problem)
	err := c.Store.Tried(ctx, d)
	if errors.Is(err, store.ErrNotFound) {
		err = nil // somebody else tried it too: what they have written stands
	}
	if err != nil {
		return false, 0, err
	}
	return !d.EndedAt.IsZero(), next, nil
}

func (c *Courier) giveUp(ctx context.Context, d store.Delivery, why string) (bool, time.Duration, error) {
	if err := c.Store.GiveUpDelivery(ctx, d.ID, why); err != nil {
		return false, 0, err
	}
	c.results.add(GivenUp)
	c.Logger.InfoContext(ctx, "webhook given up", "delivery_id", d.ID, "subscription_id", d.Subscription,
		"payment_id", d.Payment, "event", d.Name, "because", why)
	return true, 0, nil
}

// wait is how long a delivery of a certain age waits that could not be attempted. Many
// may wait for an endpoint that is dead: the older they are, the less often they ask.
func wait(failing bool, age time.Duration) time.Duration {
	d := turn
	if failing {
		d = min(max(age, turn), longTurn)
	}
	return d + rand.N(d/2) //nolint:gosec // spreads load, guards nothing
}

// delay is how long to wait after an attempt, before which there were so many others. It
// is spread, so that what failed together does not come again together.
func delay(attempts int) time.Duration {
	d := lastDelay
	if attempts < 10 { // then it is longer than the longest
		d = min(firstDelay<<attempts, lastDelay)
	}
	return d - d/10 + rand.N(d/5) //nolint:gosec // as above
}

// attempt sends a delivery. problem is why it has not arrived, in words that hold nothing
// of the answer.
func (c *Courier) attempt(ctx context.Context, sub store.Subscription, d store.Delivery) (status int, problem string) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, sub.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, "the URL cannot be used"
	}
	now := c.Now()
	stamp := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "connectorhost")
	req.Header.Set("X-Gr4vy-Webhook-ID", d.ID)
	req.Header.Set("X-Gr4vy-Webhook-Timestamp", stamp)
	req.Header.Set("X-Gr4vy-Webhook-Signatures", signatures(sub, now, stamp, d.Body))
	if sub.Username != "" {
		req.SetBasicAuth(sub.Username, sub.Password.Reveal())
	}
	answer, err := c.client.Do(req)
	if err != nil {
		return 0, trouble(err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // the status has arrived, and is all that counts
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return answer.StatusCode, "answered " + strconv.Itoa(answer.StatusCode)
	}
	return answer.StatusCode, ""
}

// signatures are those of every secret that counts at the moment, the current one first.
func signatures(sub store.Subscription, now time.Time, stamp string, body []byte) string {
	secrets := []sdk.Secret{sub.Secret}
	if sub.Rotating(now) && sub.Previous.Reveal() != "" {
		secrets = append(secrets, sub.Previous)
	}
	var all []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret.Reveal()))
		_, _ = io.WriteString(mac, stamp+".") // hash writers never fail
		_, _ = mac.Write(body)
		all = append(all, hex.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, ",")
}

// trouble is why no answer came, without the URL, which may hold a merchant's secret.
func trouble(err error) string {
	if _, ok := errors.AsType[*forbiddenError](err); ok {
		return "the address is not public"
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return "no answer within " + AttemptTimeout.String()
		}
		err = u.Err
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the host's name has no address"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return "no connection: " + op.Op
	}
	return "no answer"
}

// enter takes a place in a subscription's line, if there is one. Failing says that the
// subscription did not answer when it was last tried.
func (c *Courier) enter(id string) (entered, failing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.busy[id]
	if l == nil {
		l = &line{}
		c.busy[id] = l
	}
	if l.now >= atOnce || (l.failed && l.now > 0) {
		return false, l.failed
	}
	l.now++
	return true, l.failed
}

// leave gives the place back.
func (c *Courier) leave(id string, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.busy[id]
	l.failed = failed
	if l.now--; l.now == 0 && !failed {
		delete(c.busy, id)
	}
}

// forget drops what is remembered of a subscription that is no more.
func (c *Courier) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.busy[id]; l != nil && l.now == 0 {
		delete(c.busy, id)
	}
}
