package chaos

import (
	"bytes"
	"os"
	"testing"
)

// Orders to die are obeyed by what is built for these tests, and by nothing else.
func TestFailpointsAreNotShipped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pkg   string
		words []string
	}{
		"connectord":      {"host/cmd/connectord", []string{"STORE_FAILPOINT", "HOST_CLOCK"}},
		"plugin-smartpay": {"plugin-smartpay", []string{"connector-failpoint"}},
	} {
		if err := build(name+"-shipped", tt.pkg); err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string]bool{name: true, name + "-shipped": false} {
			code, err := os.ReadFile(program(file))
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range tt.words {
				if got := bytes.Contains(code, []byte(word)); got != want {
					t.Errorf("%s holds %q: %v, want %v", file, word, got, want)
				}
			}
		}
	}
}
