// Misfit is a program that is no connector, in the way that its build says.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

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
	}
	fmt.Fprintln(os.Stderr, "built without a way")
	os.Exit(2)
}
