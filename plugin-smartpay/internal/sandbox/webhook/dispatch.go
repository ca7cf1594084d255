package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// The provider's own numbers are not published; these are all [UNK].
const (
	// TryTimeout bounds one try, from dialling to the last byte of the answer.
	TryTimeout = 10 * time.Second
	// QueueLimit bounds the deliveries waiting in all lanes together. What does
	// not fit is dropped, and reported as such.
	QueueLimit = 50_000
)

// backoff is the wait after the first, second, … failed try. After the last
// there is no further try.
var backoff = []time.Duration{
	1 * time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour,
}

// Message is one event on its way to one endpoint.
type Message struct {
	EventID  string
	Endpoint string // the endpoint's identifier; also names the lane
	Body     []byte
	Tag      any // whatever the sender wants back

	// What follows is for tests that need a provider at its worst.

	After  time.Duration // wait so long before the first try
	Behind int           // hold back until so many others in the lane were tried, or [HoldLimit]
	Spoil  Spoil         // what to do to the signature
	Signed time.Time     // sign the first try as of then; zero means when it is made
	Faults []string      // what was done to it, for the record
}

// HoldLimit is how long a message that is to be overtaken waits for that.
const HoldLimit = 5 * time.Second

// Spoil is a way to make a signature wrong.
type Spoil string

// The ways. The zero Spoil leaves the signature right.
const (
	OtherSecret Spoil = "secret"  // signed with a secret that is not the endpoint's
	NoSignature Spoil = "missing" // no signature at all
	OtherBody   Spoil = "body"    // a byte is added to the body after signing
)

// Target is where an endpoint is now, and the secret that signs for it.
type Target struct {
	URL, Secret string
}

// Attempt tells how one try went.
type Attempt struct {
	Message Message
	Number  int // 1 is the first try
	At      time.Time
	URL     string
	Status  int           // 0 when no answer came
	Err     error         // why no answer came
	Dropped bool          // the queue was full: there was no try
	Next    time.Duration // until the next try; 0 when there is none
}

// Acknowledged reports whether the receiver took the event: HTTP 200, and
// nothing else (smartpay-api.md §9.6).
func (a Attempt) Acknowledged() bool { return a.Status == http.StatusOK }

// Config is what a [Dispatcher] needs. All fields but Client are required.
type Config struct {
	Now     func() time.Time             // the virtual clock
	Lookup  func(Message) (Target, bool) // false: the endpoint is gone, drop the message
	Observe func(Attempt)                // called once per try, from the lane
	Settle  func(Message)                // called when there will be no further try
	Client  *http.Client                 // nil means a client of its own
}

// Dispatcher delivers messages in the background. Make one with [New] and end
// it with [Dispatcher.Close].
type Dispatcher struct {
	cfg    Config
	ctx    context.Context // ends when Close is called
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	lanes   map[string]*lane
	waiting int
	closed  bool
}

// New starts a dispatcher. It owns one goroutine per endpoint with something to
// deliver, and none when there is nothing.
func New(cfg Config) *Dispatcher {
	if cfg.Client == nil {
		cfg.Client = &http.Client{Transport: http.DefaultTransport}
	}
	client := *cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cfg.Client = &client
	ctx, cancel := context.WithCancel(context.Background())
	return &Dispatcher{cfg: cfg, ctx: ctx, cancel: cancel, lanes: make(map[string]*lane)}
}

// Send queues messages for their first try and returns at once. After Close it
// does nothing: what was owed stays owed.
func (d *Dispatcher) Send(messages ...Message) {
	for _, m := range messages {
		d.first(m, nil)
	}
}

// Deliver queues a message and waits for its first try, whatever that leads to,
// until ctx ends or the dispatcher closes.
func (d *Dispatcher) Deliver(ctx context.Context, m Message) {
	tried := make(chan struct{})
	d.first(m, tried)
	select {
	case <-tried:
	case <-ctx.Done():
	case <-d.ctx.Done():
	}
}

func (d *Dispatcher) first(m Message, tried chan struct{}) {
	j := job{message: m, number: 1, due: d.cfg.Now().Add(m.After), behind: m.Behind, tried: tried}
	if m.Behind > 0 {
		j.due = j.due.Add(HoldLimit)
	}
	if !d.enqueue(j) {
		d.cfg.Observe(Attempt{Message: m, At: d.cfg.Now(), Dropped: true})
		d.cfg.Settle(m)
		j.done()
	}
}

// enqueue reports false when the queue is full.
func (d *Dispatcher) enqueue(j job) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return true
	}
	if d.waiting >= QueueLimit {
		return false
	}
	d.waiting++
	l := d.lanes[j.message.Endpoint]
	if l == nil {
		l = &lane{wake: make(chan struct{}, 1)}
		d.lanes[j.message.Endpoint] = l
		d.work.Go(func() { d.run(j.message.Endpoint, l) })
	}
	l.add(j)
	l.kick()
	return true
}

// Wake makes every lane look at the clock again, after it has been advanced.
func (d *Dispatcher) Wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lanes {
		l.kick()
	}
}

// Waiting is how many deliveries are waiting for a try.
func (d *Dispatcher) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting
}

// Close stops all lanes and waits for them until ctx ends. A try under way is
// cut off. Close may be called more than once.
func (d *Dispatcher) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	done := make(chan struct{})
	go func() {
		d.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		d.cfg.Client.CloseIdleConnections()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run works a lane until it is empty or the dispatcher closes.
func (d *Dispatcher) run(endpoint string, l *lane) {
	for d.ctx.Err() == nil {
		j, wait, ok := d.next(endpoint, l)
		if !ok {
			return
		}
		if wait > 0 {
			l.sleep(d.ctx, wait)
			continue
		}
		d.try(j)
	}
}

// next takes the first job that is due, or says how long until one is. It
// reports false, and forgets the lane, when there is none at all.
func (d *Dispatcher) next(endpoint string, l *lane) (job, time.Duration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(l.jobs) == 0 {
		delete(d.lanes, endpoint)
		return job{}, 0, false
	}
	if wait := l.jobs[0].due.Sub(d.cfg.Now()); wait > 0 {
		return job{}, wait, true
	}
	d.waiting--
	return l.take(d.cfg.Now()), 0, true
}

// try makes one attempt and decides what follows.
func (d *Dispatcher) try(j job) {
	defer j.done()
	target, ok := d.cfg.Lookup(j.message)
	if !ok {
		d.cfg.Settle(j.message)
		return
	}
	a := Attempt{Message: j.message, Number: j.number, At: d.cfg.Now(), URL: target.URL}
	signed := a.At
	if j.number == 1 && !j.message.Signed.IsZero() {
		signed = j.message.Signed
	}
	a.Status, a.Err = d.post(target, j.message, signed)
	if d.ctx.Err() != nil && !a.Acknowledged() {
		return // closing: no one can say how the try would have ended
	}
	again := !a.Acknowledged() && j.number <= len(backoff)
	if again {
		a.Next = backoff[j.number-1]
	}
	d.cfg.Observe(a)
	if !again || !d.enqueue(job{message: j.message, number: j.number + 1, due: d.cfg.Now().Add(a.Next)}) {
		d.cfg.Settle(j.message)
	}
}

func (d *Dispatcher) post(target Target, m Message, at time.Time) (int, error) {
	secret, body := target.Secret, m.Body
	if m.Spoil == OtherSecret {
		secret += "x"
	}
	signature, timestamp, err := Sign(secret, at, body)
	if err != nil {
		return 0, err
	}
	if m.Spoil == OtherBody {
		body = append(bytes.Clone(body), ' ')
	}
	ctx, cancel := context.WithTimeout(d.ctx, TryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if m.Spoil != NoSignature {
		req.Header.Set(HeaderSignature, signature)
	}
	req.Header.Set(HeaderTimestamp, timestamp)
	req.Header.Set(HeaderSubscription, m.Endpoint)
	req.Header.Set(HeaderEvent, m.EventID)
	res, err := d.cfg.Client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.CopyN(io.Discard, res.Body, 64<<10); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return res.StatusCode, nil
}
