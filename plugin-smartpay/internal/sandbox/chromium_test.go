package sandbox

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// browser is a headless Chromium, spoken to over a pair of pipes in its own
// debugging protocol: JSON messages, each ended by a zero byte.
type browser struct {
	t   *testing.T
	in  io.Writer
	tab string

	mu      sync.Mutex
	last    int
	waiting map[int]chan message
	loaded  chan struct{} // one for every page that has finished loading
	errors  []string      // what the browser complained about
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`

	SessionID string `json:"sessionId,omitempty"`
}

const patience = 30 * time.Second

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := tool(t, "chromium")
	toBrowser, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // 3 and 4, as the flag has it
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its children can be ended with it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = toBrowser.Close(), fromBrowser.Close() // ours; the browser has its own
	b := &browser{t: t, in: in, waiting: make(map[int]chan message), loaded: make(chan struct{}, 100)}
	var reader sync.WaitGroup
	reader.Go(func() { b.listen(out) })
	t.Cleanup(func() {
		b.tab = ""
		b.do("Browser.close", nil, nil)
		_ = cmd.Wait() // how it puts an end to itself is its own business
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		reader.Wait()
		_, _ = in.Close(), out.Close()
	})
	b.attach()
	return b
}

// attach opens a page and makes everything after go to it.
func (b *browser) attach() {
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.tab = attached.SessionID
	for _, domain := range []string{"Page", "Log", "Runtime"} {
		b.do(domain+".enable", nil, nil)
	}
}

func (b *browser) listen(out io.Reader) {
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 64<<20)
	scanner.Split(func(data []byte, end bool) (int, []byte, error) {
		if i := strings.IndexByte(string(data), 0); i >= 0 {
			return i + 1, data[:i], nil
		}
		return 0, nil, nil
	})
	for scanner.Scan() {
		var m message
		if json.Unmarshal(scanner.Bytes(), &m) != nil {
			continue
		}
		b.mu.Lock()
		switch {
		case m.ID != 0:
			b.waiting[m.ID] <- m
			delete(b.waiting, m.ID)
		case m.Method == "Page.loadEventFired",
			m.Method == "Page.frameNavigated" && strings.Contains(string(m.Params), "BackForwardCacheRestore"):
			b.loaded <- struct{}{}
		case m.Method == "Log.entryAdded" && !strings.Contains(string(m.Params), "favicon"):
			b.errors = append(b.errors, string(m.Params))
		}
		b.mu.Unlock()
	}
}

// do asks the browser for something and waits for the answer.
func (b *browser) do(method string, params, result any) {
	b.t.Helper()
	raw, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.last++
	text, err := json.Marshal(message{ID: b.last, Method: method, Params: raw, SessionID: b.tab})
	b.waiting[b.last] = answer
	b.mu.Unlock()
	if err == nil {
		_, err = b.in.Write(append(text, 0))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer", method)
	}
}

// load does something that leads to another page, and waits for that.
func (b *browser) load(fn func()) {
	b.t.Helper()
	for len(b.loaded) > 0 {
		<-b.loaded
	}
	fn()
	select {
	case <-b.loaded:
	case <-time.After(patience):
		b.t.Fatalf("no page was loaded; at %s", b.address())
	}
}

func (b *browser) open(address string) {
	b.t.Helper()
	b.load(func() { b.do("Page.navigate", map[string]any{"url": address}, nil) })
}

// eval asks the page. It works with scripts of the page itself switched off.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var out struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		ExceptionDetails json.RawMessage `json:"exceptionDetails"`
	}
	b.do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, out.ExceptionDetails)
	}
	return out.Result.Value
}

func (b *browser) address() string { text, _ := b.eval("location.href").(string); return text }
func (b *browser) state() string {
	text, _ := b.eval("document.body.dataset.state || ''").(string)
	return text
}

// click clicks where an element is, with a mouse, count times.
func (b *browser) click(selector string, count int) {
	b.t.Helper()
	at, ok := b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector)).([]any)
	if !ok || len(at) != 2 {
		b.t.Fatalf("there is no %s", selector)
	}
	for i := range count {
		for _, kind := range []string{"mousePressed", "mouseReleased"} {
			b.do("Input.dispatchMouseEvent", map[string]any{
				"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": i + 1,
			}, nil)
		}
	}
}

// press presses a key on the keyboard.
func (b *browser) press(key string, code int, text string) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.do("Input.dispatchKeyEvent", map[string]any{
			"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text,
		}, nil)
	}
}

// back goes back as the button in the browser does: the browser is asked, not the page,
// which may be gone before it can answer.
func (b *browser) back() {
	b.t.Helper()
	var history struct {
		CurrentIndex int `json:"currentIndex"`
		Entries      []struct {
			ID int `json:"id"`
		} `json:"entries"`
	}
	b.do("Page.getNavigationHistory", nil, &history)
	if history.CurrentIndex < 1 || history.CurrentIndex >= len(history.Entries) {
		b.t.Fatalf("there is nothing to go back to: %+v", history)
	}
	before := history.Entries[history.CurrentIndex-1].ID
	b.load(func() { b.do("Page.navigateToHistoryEntry", map[string]any{"entryId": before}, nil) })
}

// window gives the page a size; a phone's when mobile.
func (b *browser) window(width, height int, mobile bool) {
	b.t.Helper()
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
	}, nil)
}

// keep saves a picture of the whole page among the artefacts of the tests.
func (b *browser) keep(name string) {
	b.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.do("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	picture, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	dir := filepath.Join("..", "..", "..", ".artifacts", "hosted-page") // at the root of the tree
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// calm checks that the browser had nothing to complain about: no style or
// script was refused by the page's own policy.
func (b *browser) calm() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.errors {
		b.t.Errorf("the browser complains: %s", complaint)
	}
	b.errors = nil
}
