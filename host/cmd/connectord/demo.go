package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// demoCmd plays one script against a fresh development host and checks every answer.
type demoCmd struct {
	Verbose bool   `short:"v" help:"Show what the host logs, and every answer whole."`
	Plugin  string `help:"Connector binary. Default: plugin-smartpay beside this program." placeholder:"FILE" type:"existingfile"`
	Sandbox string `help:"Sandbox program. Default: smartpay-sandbox beside this program." placeholder:"FILE" type:"existingfile"`
}

// demoBound bounds the whole script.
const demoBound = 2 * time.Minute

// Run plays the script. Its error says how many answers were not as they should be.
func (c *demoCmd) Run(w *world) (err error) {
	dir, err := os.MkdirTemp("", "connectord-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(w.ctx, demoBound)
	defer cancel()
	inner := &world{ctx: ctx, stdout: w.stdout, stderr: io.Discard, executable: w.executable}
	if c.Verbose {
		inner.stderr = w.stderr
	}
	run := devCmd{Listen: "127.0.0.1:0", DataDir: dir, Plugin: c.Plugin, Sandbox: c.Sandbox}
	run.LogLevel, run.Environment, run.Certification = "info", "test", certificate.Off
	played := false
	err = run.serve(inner, func(d *dev) error {
		p := &player{ctx: ctx, out: w.stdout, dev: d, verbose: c.Verbose, last: map[string]any{}}
		for _, scene := range script() {
			p.play(scene)
		}
		played = true
		cancel() // the script is over: stop serving
		return p.verdict()
	})
	if played && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// A scene is one request, what should come of it, and whether the provider may hear.
type scene struct {
	title   string
	method  string         // empty: a GET of a page, as a browser would
	path    string         // {id} is the payment of the story so far
	body    any            // []byte is sent as it is
	header  http.Header    // beside the usual ones
	expired bool           // the token has run out
	status  int            // of the answer
	want    map[string]any // field path → value in the answer
	silent  bool           // the provider must not have been called
	begins  bool           // the answer's id is {id} from here on
}

// A player plays scenes and keeps count.
type player struct {
	ctx     context.Context
	out     io.Writer
	dev     *dev
	verbose bool
	id      string // of the payment that the story is about
	last    map[string]any
	played  int
	failed  []string
}

func (p *player) play(s scene) {
	p.played++
	fmt.Fprintf(p.out, "\n%2d  %s\n", p.played, s.title)
	before, err := p.providerCalls()
	if err == nil {
		err = p.act(s)
	}
	if err == nil && s.silent {
		var after int
		if after, err = p.providerCalls(); err == nil && after != before {
			err = fmt.Errorf("the provider was called %d times, want not at all", after-before)
		}
	}
	if err != nil {
		p.failed = append(p.failed, s.title)
		fmt.Fprintf(p.out, "    NOT AS IT SHOULD BE: %s\n", err)
		return
	}
	heard := ""
	if s.silent {
		heard = "; the provider heard nothing of it"
	}
	fmt.Fprintf(p.out, "    as it should be%s\n", heard)
}

// act makes the request and checks the answer.
func (p *player) act(s scene) error {
	path := strings.ReplaceAll(s.path, "{id}", p.id)
	if s.method == "" {
		return p.browse(s)
	}
	shown := ""
	if s.body != nil {
		shown = " " + abridged(s.body)
	}
	fmt.Fprintf(p.out, "    → %s %s%s\n", s.method, path, shown)
	if s.expired {
		token, err := api.Sign(p.dev.key, []string{"*.write"}, time.Minute, time.Now().Add(-24*time.Hour))
		if err != nil {
			return err
		}
		s.header = http.Header{"Authorization": {"Bearer " + token}}
	}
	status, raw, err := p.dev.merchant.do(p.ctx, s.method, path, s.body, s.header)
	if err != nil {
		return err
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	p.last = answer
	if s.begins {
		p.id, _ = answer["id"].(string)
	}
	fmt.Fprintf(p.out, "    ← %d %s\n", status, p.telling(answer, s.want))
	return errors.Join(is("status", status, s.status), matches(answer, s.want))
}

// browse follows the approval page's button and the redirects after it, but for the
// last one, to the shop.
func (p *player) browse(s scene) error {
	page, _ := at(p.last, "payment_method.approval_url").(string)
	if page == "" {
		return errors.New("there is no approval page to open")
	}
	shop := ""
	browser := http.Client{
		Timeout: merchantTimeout,
		CheckRedirect: func(req *http.Request, _ []*http.Request) error {
			if req.URL.Host == "shop.example" {
				shop = req.URL.String()
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	req, err := http.NewRequestWithContext(p.ctx, http.MethodGet, page+s.path, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "    → the buyer opens %s…%s\n", page[:min(60, len(page))], s.path)
	res, err := browser.Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "    ← the buyer is back at %s\n", shop)
	hint, _ := s.want["transaction_status"].(string)
	if !strings.Contains(shop, "transaction_status="+hint) || !strings.Contains(shop, "transaction_id="+p.id) {
		return fmt.Errorf("the shop should be told of payment %s and status %s", p.id, hint)
	}
	return nil
}

// telling shows of an answer what the scene is about.
func (p *player) telling(answer map[string]any, want map[string]any) string {
	if p.verbose {
		raw, _ := json.Marshal(answer) // it came from JSON
		return string(raw)
	}
	var paths []string
	for path := range want {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	var told []string
	for _, path := range paths {
		raw, _ := json.Marshal(at(answer, path)) // as above
		told = append(told, path+"="+string(raw))
	}
	if message, ok := at(answer, "details.0.message").(string); ok {
		told = append(told, fmt.Sprintf("%q", message))
	}
	return strings.Join(told, " ")
}

// providerCalls is how many requests for something the sandbox has seen. Looking is not
// counted: the host looks whenever a webhook of an earlier scene arrives.
func (p *player) providerCalls() (int, error) {
	sandbox := merchant{url: p.dev.sandboxURL}
	var ledger struct {
		Counts struct {
			ByEndpoint map[string]int `json:"requests_by_endpoint"`
		} `json:"counts"`
	}
	if err := sandbox.call(p.ctx, http.MethodGet, "/_sandbox/ledger", nil, &ledger); err != nil {
		return 0, err
	}
	calls := 0
	for endpoint, n := range ledger.Counts.ByEndpoint {
		if !strings.HasPrefix(endpoint, http.MethodGet+" ") {
			calls += n
		}
	}
	return calls, nil
}

func (p *player) verdict() error {
	if len(p.failed) > 0 {
		return fmt.Errorf("%d of %d answers are not as they should be: %s", len(p.failed), p.played, strings.Join(p.failed, "; "))
	}
	_, err := fmt.Fprintf(p.out, "\nAll %d answers are as they should be.\n", p.played)
	return err
}

// matches compares the named fields of an answer with what they should be.
func matches(answer, want map[string]any) error {
	var wrong []error
	for path, value := range want {
		wrong = append(wrong, is(path, at(answer, path), value))
	}
	return errors.Join(wrong...)
}

func is(what string, got, want any) error {
	if n, ok := want.(int); ok {
		if f, isNumber := got.(float64); isNumber && f == float64(n) {
			return nil
		}
	}
	if got == want {
		return nil
	}
	return fmt.Errorf("%s is %v, want %v", what, got, want)
}

// at digs a field out of an answer: "details.0.pointer".
func at(tree any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch node := tree.(type) {
		case map[string]any:
			tree = node[step]
		case []any:
			i := int(step[0] - '0')
			if len(step) != 1 || i < 0 || i >= len(node) {
				return nil
			}
			tree = node[i]
		default:
			return nil
		}
	}
	return tree
}

// abridged is a body on one line of bearable length.
func abridged(body any) string {
	raw, ok := body.([]byte)
	if !ok {
		raw, _ = json.Marshal(body) // the script's own literals
	}
	text := string(raw)
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:120]) + "…"
	}
	return text
}
