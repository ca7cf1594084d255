package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrCannot is why a simulator does not do what it does not claim to do.
var ErrCannot = errors.New("the simulator cannot do that")

// maxAnswer bounds an answer of a simulator.
const maxAnswer = 64 << 20

// A Client asks one simulator. It is safe for concurrent use.
type Client struct {
	base  string
	http  *http.Client
	hello Hello
}

// Dial greets the simulator at base and returns a client for it.
func Dial(ctx context.Context, base string) (*Client, error) {
	c := &Client{base: strings.TrimRight(base, "/"), http: &http.Client{Timeout: 30 * time.Second}}
	if err := c.do(ctx, http.MethodGet, "", nil, &c.hello); err != nil {
		return nil, fmt.Errorf("greeting the simulator: %w", err)
	}
	if c.hello.Protocol != Protocol {
		return nil, fmt.Errorf("greeting the simulator: it speaks %q, want %s", c.hello.Protocol, Protocol)
	}
	return c, nil
}

// Hello is what the simulator said of itself.
func (c *Client) Hello() Hello { return c.hello }

// Can reports whether the simulator has every one of the abilities.
func (c *Client) Can(abilities ...Ability) bool {
	for _, a := range abilities {
		if !slices.Contains(c.hello.Abilities, a) {
			return false
		}
	}
	return true
}

// Open opens a lane.
func (c *Client) Open(ctx context.Context) (Lane, error) {
	var lane Lane
	err := c.do(ctx, http.MethodPost, "/lanes", struct{}{}, &lane)
	if err == nil && (lane.ID == "" || lane.URL == "") {
		err = errors.New("opening a lane: the simulator gave no id or no url")
	}
	return lane, err
}

// Close ends a lane.
func (c *Client) Close(ctx context.Context, l Lane) error {
	return c.do(ctx, http.MethodDelete, "/lanes/"+l.ID, nil, nil)
}

// Buyer lets a buyer act.
func (c *Client) Buyer(ctx context.Context, l Lane, b Buyer) error {
	return c.ask(ctx, CanBuyer, l, "/buyer", b)
}

// Ledger tells what really happened in a lane.
func (c *Client) Ledger(ctx context.Context, l Lane) (Ledger, error) {
	var ledger Ledger
	err := c.do(ctx, http.MethodGet, "/lanes/"+l.ID+"/ledger", nil, &ledger)
	return ledger, err
}

// Fault makes the simulator misbehave.
func (c *Client) Fault(ctx context.Context, l Lane, f Fault) error {
	return c.ask(ctx, CanFault(f.Kind), l, "/faults", f)
}

// Behave takes every fault back.
func (c *Client) Behave(ctx context.Context, l Lane) error {
	return c.do(ctx, http.MethodDelete, "/lanes/"+l.ID+"/faults", nil, nil)
}

// Dashboard lets the merchant's staff act.
func (c *Client) Dashboard(ctx context.Context, l Lane, d Dashboard) error {
	return c.ask(ctx, CanDashboard, l, "/dashboard", d)
}

// Event has a webhook sent.
func (c *Client) Event(ctx context.Context, l Lane, e Event) error {
	return c.ask(ctx, CanEvents, l, "/events", e)
}

// Rotate changes the signing secret.
func (c *Client) Rotate(ctx context.Context, l Lane) error {
	return c.ask(ctx, CanRotate, l, "/rotate", struct{}{})
}

// Advance lets time pass and returns what time it is then.
func (c *Client) Advance(ctx context.Context, d time.Duration) (time.Time, error) {
	if !c.Can(CanClock) {
		return time.Time{}, fmt.Errorf("letting time pass: %w", ErrCannot)
	}
	var clock Clock
	err := c.do(ctx, http.MethodPost, "/clock", Advance{Milliseconds: d.Milliseconds()}, &clock)
	return clock.Now, err
}

func (c *Client) ask(ctx context.Context, a Ability, l Lane, path string, body any) error {
	if !c.Can(a) {
		return fmt.Errorf("%s: %w", a, ErrCannot)
	}
	return c.do(ctx, http.MethodPost, "/lanes/"+l.ID+path, body, nil)
}

func (c *Client) do(ctx context.Context, method, path string, body, into any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the simulator: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("asking the simulator: %s %s: %w", method, path, err)
	}
	switch {
	case res.StatusCode == http.StatusNotImplemented:
		return fmt.Errorf("asking the simulator: %s %s: %w", method, path, ErrCannot)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("asking the simulator: %s %s: %d %s", method, path, res.StatusCode, bytes.TrimSpace(answer))
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("asking the simulator: %s %s: %w", method, path, err)
	}
	return nil
}
