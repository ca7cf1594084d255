package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
)

// bridge returns a Bridge whose entries are decoded by the second result.
func bridge(level hclog.Level, extra func(string) string) (*Bridge, *Redactor, func(t *testing.T) []map[string]any) {
	var out bytes.Buffer
	redactor := NewRedactor(extra)
	log := hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: true, Level: level})
	return New(log, redactor.Redact), redactor, func(t *testing.T) []map[string]any {
		t.Helper()
		var entries []map[string]any
		decoder := json.NewDecoder(&out)
		for {
			var entry map[string]any
			err := decoder.Decode(&entry)
			if err == io.EOF {
				return entries
			}
			if err != nil {
				t.Fatalf("the host's own log is broken: %v", err)
			}
			delete(entry, "@timestamp")
			entries = append(entries, entry)
		}
	}
}

func TestLineBecomesEntry(t *testing.T) {
	type entry = map[string]any
	tests := map[string]struct {
		line string
		want entry
	}{
		"a record of package serve": {
			`{"time":"2026-01-02T03:04:05Z","level":"INFO","msg":"captured","payment_id":"p1","operation_id":"o1","account":"a1","attrs":{"amount":500,"final":true,"order":null}}`,
			entry{
				"@level": "info", "@message": "captured", "time": "2026-01-02T03:04:05Z", "payment_id": "p1", "operation_id": "o1",
				"account": "a1", "amount": 500.0, "final": true, "order": "null",
			},
		},
		"groups become dotted keys": {
			`{"level":"WARN","msg":"m","attrs":{"http":{"status":502,"headers":["a","b"]}}}`,
			entry{"@level": "warn", "@message": "m", "http.status": 502.0, "http.headers": `["a","b"]`},
		},
		"an attribute cannot pose as the call": {
			`{"level":"INFO","msg":"m","payment_id":"real","attrs":{"@level":"error","@message":"forged"}}`,
			entry{"@level": "info", "@message": "m", "payment_id": "real", "_level": "error", "_message": "forged"},
		},
		"a level between two": {
			`{"level":"WARN+2","msg":"m"}`, entry{"@level": "warn", "@message": "m"},
		},
		"slog's own JSON": {
			`{"time":"t","level":"ERROR","msg":"m","k":"v"}`, entry{"@level": "error", "@message": "m", "time": "t", "k": "v"},
		},
		"hclog's JSON": {
			`{"@level":"warn","@message":"m","@timestamp":"t","k":"v"}`,
			entry{"@level": "warn", "@message": "m", "_timestamp": "t", "k": "v"},
		},
		"a line that names its level":   {"[ERROR] out of order", entry{"@level": "error", "@message": "[ERROR] out of order"}},
		"a line that names none":        {"[so] it goes", entry{"@level": "debug", "@message": "[so] it goes"}},
		"plain text":                    {"hello", entry{"@level": "debug", "@message": "hello"}},
		"the line that kills go-plugin": {`{"@message":1}`, entry{"@level": "debug", "@message": `{"@message":1}`}},
		"a null level":                  {`{"@level":null}`, entry{"@level": "debug", "@message": `{"@level":null}`}},
		"an unknown level":              {`{"level":"LOUD","msg":"m"}`, entry{"@level": "debug", "@message": `{"level":"LOUD","msg":"m"}`}},
		"a bad timestamp": {
			`{"@level":"info","@message":"m","@timestamp":17}`, entry{"@level": "info", "@message": "m", "_timestamp": 17.0},
		},
		"JSON that is not an object":  {`["level"]`, entry{"@level": "debug", "@message": `["level"]`}},
		"JSON that never ends":        {`{"level":`, entry{"@level": "debug", "@message": `{"level":`}},
		"a terminal's control codes":  {"\x1b[2Jgone", entry{"@level": "debug", "@message": `\x1b[2Jgone`}},
		"bytes that are no text":      {"\xff\xfe\x00", entry{"@level": "debug", "@message": `\xff\xfe\x00`}},
		"a forged second line":        {`{"level":"INFO","msg":"a\n2026 [ERROR] b"}`, entry{"@level": "info", "@message": `a\n2026 [ERROR] b`}},
		"a carriage return":           {"dos\r", entry{"@level": "debug", "@message": "dos"}},
		"an attribute named a secret": {`{"level":"INFO","msg":"m","attrs":{"api_key":"abc"}}`, entry{"@level": "info", "@message": "m", "api_key": Mask}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, _, entries := bridge(hclog.Trace, nil)
			if _, err := io.WriteString(b.Stderr(), tt.line+"\n"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]entry{tt.want}, entries(t)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLevelsBelowTheHostsAreNotLogged(t *testing.T) {
	b, _, entries := bridge(hclog.Warn, nil)
	for _, level := range []string{"DEBUG", "INFO", "WARN", "ERROR"} {
		fmt.Fprintf(b.Stderr(), "{\"level\":%q,\"msg\":%q}\n", level, level)
	}
	var got []any
	for _, entry := range entries(t) {
		got = append(got, entry["@message"])
	}
	if diff := cmp.Diff([]any{"WARN", "ERROR"}, got); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
}

func TestStandardOutputIsDebugAndNeverParsed(t *testing.T) {
	b, _, entries := bridge(hclog.Trace, nil)
	io.WriteString(b.Stdout(), `{"level":"ERROR","msg":"m"}`+"\n")
	want := []map[string]any{{"@level": "debug", "@message": `{"level":"ERROR","msg":"m"}`, "stream": "stdout"}}
	if diff := cmp.Diff(want, entries(t)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestLongLineIsCut(t *testing.T) {
	b, _, entries := bridge(hclog.Trace, nil)
	stream := b.Stderr()
	for range 1 << 10 {
		io.WriteString(stream, strings.Repeat("x", 1<<10)) // 1 MiB, in pieces
	}
	io.WriteString(stream, "\nnext\n")
	got := entries(t)
	if len(got) != 2 || got[1]["@message"] != "next" {
		t.Fatalf("got %d entries, want the long line and the next one", len(got))
	}
	if cut := got[0]["cut_bytes"]; cut != float64(1<<20-MaxLine) {
		t.Errorf("cut_bytes %v, want %d", cut, 1<<20-MaxLine)
	}
}

func TestLineWithoutEndIsLoggedAtClose(t *testing.T) {
	b, _, entries := bridge(hclog.Trace, nil)
	stream := b.Stderr()
	io.WriteString(stream, "half a")
	if got := entries(t); len(got) != 0 {
		t.Errorf("logged %v before the line's end", got)
	}
	stream.Close()
	if got := entries(t); len(got) != 1 || got[0]["@message"] != "half a" {
		t.Errorf("logged %v, want the half line", got)
	}
}

func TestFloodIsDroppedAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, entries := bridge(hclog.Trace, nil)
		stream := b.Stderr()
		const lines = 4 * Burst / 1000
		flood := strings.Repeat("f", 999) + "\n"
		for range lines {
			io.WriteString(stream, flood)
		}
		time.Sleep(time.Second) // of the bubble's clock
		io.WriteString(stream, "calm\n")

		got := entries(t)
		let := len(got) - 3 // the start of the loss, the loss, calm
		if most := Burst / 1000; let > most || let < most*9/10 {
			t.Errorf("let %d of %d lines through, want about %d", let, lines, most)
		}
		if message := got[let]["@message"]; message != "the connector writes too much; dropping lines" {
			t.Errorf("at the first loss the log says %q", message)
		}
		if lost := got[let+1]["lines"]; lost != float64(lines-let) {
			t.Errorf("reported %v lines lost, want %d", lost, lines-let)
		}
		if message := got[let+2]["@message"]; message != "calm" {
			t.Errorf("after a second's pause the log says %q, want calm", message)
		}
	})
}

func TestLossAtTheEndIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, entries := bridge(hclog.Trace, nil)
		line := strings.Repeat("f", MaxLine-1) + "\n"
		for range 2 * Burst / MaxLine {
			io.WriteString(b.Stderr(), line)
		}
		b.Close()
		got := entries(t)
		if last := got[len(got)-1]; last["@message"] != "lines of the connector were dropped" {
			t.Errorf("the last entry is %v", last)
		}
	})
}

func TestPanicIsAnErrorWithItsStack(t *testing.T) {
	b, _, entries := bridge(hclog.Trace, nil)
	io.WriteString(b.Stderr(), "before\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n")
	var got []string
	for _, entry := range entries(t) {
		got = append(got, fmt.Sprint(entry["@level"], " ", entry["@message"]))
	}
	want := []string{"debug before", "error panic: boom", "error goroutine 1 [running]:", "error main.main()"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestTail(t *testing.T) {
	tests := map[string]struct {
		write func(io.Writer)
		first string
		last  string
		count int
	}{
		"nothing": {func(io.Writer) {}, "", "", 0},
		"the last lines of many": {func(w io.Writer) {
			for i := range 100 {
				fmt.Fprintf(w, "line %d\n", i)
			}
		}, "line 76", "line 99", tailLines},
		"a crash keeps its beginning": {func(w io.Writer) {
			io.WriteString(w, "before\npanic: boom\n")
			for i := range 1000 {
				fmt.Fprintf(w, "frame %d\n", i)
			}
		}, "before", "frame 38", crashLines + 1},
		"records as people read them": {func(w io.Writer) {
			io.WriteString(w, `{"level":"INFO","msg":"captured","payment_id":"p1","attrs":{"n":1}}`+"\n")
		}, "INFO captured payment_id=p1 n=1", "INFO captured payment_id=p1 n=1", 1},
		"a line that was dropped": {func(w io.Writer) {
			line := strings.Repeat("f", MaxLine-1) + "\n"
			for range 2 * Burst / MaxLine {
				io.WriteString(w, line)
			}
			io.WriteString(w, "the reason\n")
		}, strings.Repeat("f", tailWidth) + "…", "the reason", tailLines},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, _, _ := bridge(hclog.Trace, nil)
			tt.write(b.Stderr())
			got := b.Tail()
			if len(got) != tt.count {
				t.Fatalf("%d lines, want %d: %q", len(got), tt.count, got)
			}
			if tt.count > 0 && (got[0] != tt.first || got[len(got)-1] != tt.last) {
				t.Errorf("first %q and last %q, want %q and %q", got[0], got[len(got)-1], tt.first, tt.last)
			}
		})
	}
}

func TestSecretsDoNotArrive(t *testing.T) {
	const secret = "ya29.Sup3r&Secret"
	pem := "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n"
	tests := map[string]struct{ line, leak string }{
		"in plain text":            {"using " + secret + " now", secret},
		"in a message":             {`{"level":"INFO","msg":"using ` + secret + `"}`, secret},
		"in an attribute":          {`{"level":"INFO","msg":"m","attrs":{"k":"` + secret + `"}}`, secret},
		"in a list":                {`{"level":"INFO","msg":"m","attrs":{"k":["` + secret + `"]}}`, secret},
		"in a header":              {"GET / Authorization: Basic c2tfdGVzdA==", "c2tfdGVzdA"},
		"as a bearer":              {"bearer abcdef.gh1jkl", "abcdef"},
		"of a shape that is known": {"key sk_test_4fGh8Jk2Lm", "4fGh8Jk2Lm"},
		"after its name":           {`{"client_secret":"hunter2hunter2"}`, "hunter2"},
		"a webhook's":              {"whsec_MfKQ9r8GKYqrTwjUPD8", "MfKQ9r8GKYqrTwjUPD8"},
		"one line of a key":        {"MIGHAgEAMBMGByqGSM49", "MIGHAgEAMBMG"},
		"a whole key": {
			`{"level":"INFO","msg":` + string(must(json.Marshal("-----BEGIN EC PRIVATE KEY-----\nAAAABBBBCCCC\n-----END EC PRIVATE KEY-----"))) + `}`,
			"AAAABBBB",
		},
		"a card number":          {"paid with 4242 4242 4242 4242", "4242 4242"},
		"a card as a number":     {`{"level":"INFO","msg":"m","attrs":{"pan":4242424242424242}}`, "4242424242424242"},
		"torn by the line's cap": {strings.Repeat("x", MaxLine-9) + " " + secret, secret[:8]},
		"what the host forbids":  {"the word is xyzzy", "xyzzy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, redactor, entries := bridge(hclog.Trace, func(s string) string { return strings.ReplaceAll(s, "xyzzy", "…") })
			redactor.Learn(secret)
			redactor.Learn(pem)
			io.WriteString(b.Stderr(), tt.line+"\n")
			io.WriteString(b.Stdout(), tt.line+"\n")
			text := string(must(json.Marshal(entries(t)))) + strings.Join(b.Tail(), "\n")
			if strings.Contains(text, tt.leak) {
				t.Errorf("%q arrived:\n%.2000s", tt.leak, text)
			}
		})
	}
}

func TestTailMasksWhatIsLearntLater(t *testing.T) {
	b, redactor, _ := bridge(hclog.Trace, nil)
	io.WriteString(b.Stderr(), "new registration: 8Jk2LmQ9r8\n")
	redactor.Learn("8Jk2LmQ9r8")
	if got := b.Tail()[0]; got != "new registration: "+Mask {
		t.Errorf("tail says %q", got)
	}
}

func TestOrdinaryTextIsNotMasked(t *testing.T) {
	for _, line := range []string{
		"captured 1050 JPY of order_test_9xTq1 at 1760000000000000000",
		"basic checks passed, bearer of news",
		"POST https://api.smartpay.co/v1/checkout-sessions 200 in 120ms",
		"tokenize is not offered",
	} {
		if got := NewRedactor(nil).Redact(line); got != line {
			t.Errorf("%q became %q", line, got)
		}
	}
}

func TestOldestSecretIsForgotten(t *testing.T) {
	r := NewRedactor(nil)
	for i := range maxSecrets + 1 {
		r.Learn(fmt.Sprintf("secret-number-%06d", i))
	}
	if got := r.Redact("secret-number-000000 secret-number-000001"); got != "secret-number-000000 "+Mask {
		t.Errorf("redacted to %q", got)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func FuzzBridge(f *testing.F) {
	for _, seed := range []string{`{"@message":1}`, `{"@level":null}`, `{"level":"INFO","msg":"m","attrs":{"a":{"b":[1]}}}`, "\xff\n\x00", "panic: x\n"} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		b, _, entries := bridge(hclog.Trace, nil)
		streams := []io.WriteCloser{b.Stderr(), b.Stdout()}
		for rest := data; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			for _, stream := range streams {
				stream.Write(rest[:n])
			}
			rest = rest[n:]
		}
		for _, stream := range streams {
			stream.Close()
		}
		b.Tail()
		b.Close()
		entries(t)
	})
}

func TestStreamWithoutLinesHoldsLittle(t *testing.T) {
	stream := newLines(MaxLine, func([]byte, int) {})
	piece := make([]byte, 1<<20)
	for range 64 {
		stream.Write(piece)
	}
	if got := cap(stream.held); got > 2*MaxLine {
		t.Errorf("holds %d bytes, want at most about %d", got, MaxLine)
	}
}
