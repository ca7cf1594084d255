package main

import (
	"strings"
	"testing"
)

func TestANewKeysNameIsNoFlag(t *testing.T) {
	for range 300 {
		_, kid, _, err := newKeyPair()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(kid, "-") {
			t.Fatalf("%s would be taken for a flag", kid)
		}
	}
}
