package sim_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
)

var update = flag.Bool("update", false, "rewrite the answers in README.md")

// example is one exchange in the README: a request, a blank line, and the answer.
var example = regexp.MustCompile("(?s)```http\n(.*?)\n\n(.*?)```\n")

// address is where the README has the simulator.
const address = "http://127.0.0.1:8480"

// Every exchange that the README shows is one that the reference provider really has,
// in the README's order: somebody who follows it with curl sees what is printed.
func TestReadmeShowsWhatHappens(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	server := httptest.NewServer(provider.New(provider.Options{Seed: 7, Now: func() time.Time { return now }}))
	defer server.Close()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	exchanges := 0
	want := example.ReplaceAllFunc(readme, func(block []byte) []byte {
		exchanges++
		request := string(example.FindSubmatch(block)[1])
		return []byte("```http\n" + request + "\n\n" + exchange(t, server.URL, request) + "```\n")
	})
	if exchanges < 11 {
		t.Errorf("%d exchanges, want one for every endpoint: the fences are gone", exchanges)
	}
	if *update {
		if err := os.WriteFile("README.md", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(readme)); diff != "" {
		t.Errorf("README.md is stale; run go test ./conformance/sim -update and read the diff (-want +got):\n%s", diff)
	}
}

// exchange sends a request as the README writes it: a line, headers, and a body from the
// first line that begins one. It returns status and body of the answer.
func exchange(t *testing.T, server, request string) string {
	t.Helper()
	head, body, _ := strings.Cut(request+"\n", "\n{")
	if body != "" {
		body = "{" + body
	}
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	req, err := http.NewRequest(method, server+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d\n%s\n", res.StatusCode, legible(strings.ReplaceAll(string(answer), server, address)))
}

// leaf is an object or list, as json.Indent writes it, that holds no other.
var leaf = regexp.MustCompile(`[{\[]\n[^{}\[\]]*\n *[}\]]`)

// legible is JSON on one line if that is not too long for one, and otherwise with one
// line for each leaf that is short enough.
func legible(answer string) string {
	answer = strings.TrimSpace(answer)
	var out bytes.Buffer
	if len(answer) <= maxLine || json.Indent(&out, []byte(answer), "", "  ") != nil {
		return answer
	}
	return leaf.ReplaceAllStringFunc(out.String(), func(text string) string {
		line := strings.Join(strings.Fields(text), " ")
		if line = line[:1] + strings.TrimSpace(line[1:len(line)-1]) + line[len(line)-1:]; len(line) > maxLine {
			return text
		}
		return line
	})
}

const maxLine = 110
