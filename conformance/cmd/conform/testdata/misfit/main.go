// Misfit is a program that is no connector, in the way that its build says.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

// way is set by the linker.
var way string

// idle offers nothing, and not even says what it needs to know of an account.
type idle struct{}

// Describe implements [sdk.Connector].
func (idle) Describe() sdk.Manifest {
	return sdk.Manifest{Name: "idle", Version: "1.0.0", DisplayName: "Idle", Contract: sdk.ContractRange{Min: 1, Max: 1}}
}

// least is the reference connector with one operation, and with nothing of what it says
// about the others.
type least struct {
	sdk.CredentialChecker
	whole *reference.Connector
}

// Describe implements [sdk.Connector].
func (l least) Describe() sdk.Manifest {
	m := l.whole.Describe()
	m.CaptureModes = []sdk.CaptureMode{sdk.CaptureAutomatic}
	m.RefundScope, m.Features, m.Idempotency, m.RequestSchemas, m.Webhook = "", sdk.Features{}, nil, nil, nil
	return m
}

func main() {
	switch way {
	case "exits":
		os.Exit(1)
	case "hangs":
		select {}
	case "floods":
		out := bufio.NewWriter(os.Stdout)
		for line := strings.Repeat("x", 1023) + "\n"; ; {
			if _, err := out.WriteString(line); err != nil {
				os.Exit(1)
			}
		}
	case "offers nothing":
		serve.Connector(idle{})
	case "offers the least":
		whole := reference.New(reference.Options{Dial: serve.Dial})
		serve.Connector(least{whole, whole})
	}
	fmt.Fprintln(os.Stderr, "built without a way")
	os.Exit(2)
}
