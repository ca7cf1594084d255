package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readme is what a newcomer follows. Blocks marked sh are run, in their order, in one
// shell that starts in the checkout; blocks marked text are what is then printed.
const readme = "../../sdk/README.md"

var (
	block  = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	number = regexp.MustCompile(`\d+`)
)

func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no block marked %s: this test would prove nothing", readme, language)
	}
	return found
}

// goEnv is what Go keeps in the home folder, which the newcomer of the test has anew.
func goEnv(t *testing.T) []string {
	t.Helper()
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH"}
	said, err := exec.CommandContext(t.Context(), "go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var set []string
	for i, value := range strings.Split(strings.TrimSpace(string(said)), "\n") {
		set = append(set, names[i]+"="+value)
	}
	return set
}

// A newcomer who follows sdk/README.md to the letter, in an empty home folder, sees what it
// says: a connector that conforms, the mistake that is found, and a certificate.
func TestNewcomerFollowsTheReadme(t *testing.T) {
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-x", "-c", strings.Join(blocks(t, "sh"), "\n"))
	shell.Dir = checkout
	shell.Env = append(append(os.Environ(), goEnv(t)...), "HOME="+t.TempDir(), "GOFLAGS=-mod=readonly", "GOPROXY=off")
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	told := plain(string(said))
	for _, line := range strings.Split(strings.Join(blocks(t, "text"), ""), "\n") {
		if !strings.Contains(told, plain(line)) {
			t.Errorf("nothing printed reads %q", line)
		}
	}
	for _, want := range []string{"FAIL doubt/answer-dropped", "so it is found\n", "Certified: ", "acme-pay 0.1.0 is certified\n"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("nothing printed reads %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", said)
	}
}

// plain is a text without its numbers: how many cases there are is not the newcomer's
// business.
func plain(text string) string { return number.ReplaceAllString(text, "N") }

// What the README names must be there.
func TestReadmeNamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(text), -1)
	if len(links) < 5 {
		t.Fatalf("only %d links: the pattern is broken", len(links))
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join(filepath.Dir(readme), link[1])); err != nil {
			t.Error(err)
		}
	}
}
