package main

import (
	"flag"
	"os"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what README.md includes")

// included is a part of the README that another file is the source of.
var included = regexp.MustCompile(`(?s)(<!-- begin: (\S+) -->\n).*?(<!-- end: \S+ -->)`)

func TestReadmeIncludesWhatTheCodeSays(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := 0
	want := included.ReplaceAllFunc(readme, func(part []byte) []byte {
		parts++
		m := included.FindSubmatch(part)
		source, err := os.ReadFile(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		return append(append(append([]byte{}, m[1]...), source...), m[3]...)
	})
	if parts == 0 {
		t.Fatal("README.md includes nothing: its markers are gone")
	}
	if string(want) == string(readme) {
		return
	}
	if !*update {
		t.Fatal("README.md is stale; run make golden and read the diff")
	}
	if err := os.WriteFile("README.md", want, 0o644); err != nil {
		t.Fatal(err)
	}
}
