package conformance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/subject"
)

// A Check is one thing that has to be well before a run makes sense.
type Check struct {
	Name string
	Note string
	Err  error
}

const doctorTime = 30 * time.Second

// Doctor looks at everything that a run needs: the binary, the fixtures, the simulator,
// and whether they are for each other. Folders are where a simulator is looked for.
func Doctor(ctx context.Context, plugin, fixtures string, folders ...string) []Check {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	var checks []Check
	add := func(name, note string, err error) bool {
		checks = append(checks, Check{name, note, err})
		return err == nil
	}
	f, err := LoadFixtures(fixtures)
	haveFixtures := add("fixtures", "for "+f.Plugin, err)
	program, err := subject.OpenProgram(plugin, nil)
	if add("binary", "", err) {
		process, err := program.Start(ctx)
		if add("start and handshake", "", err) {
			d := process.Description()
			add("manifest", fmt.Sprintf("%s %s, %d operations", d.Manifest.Name, d.Manifest.Version, len(d.Operations)), nil)
			if haveFixtures {
				add("fixtures are this connector's", "", f.For(d))
			}
			add("stop", "", process.Stop(ctx))
		}
		add("private copy removed", "", program.Close())
	}
	if haveFixtures {
		checks = append(checks, simulatorCheck(ctx, f, folders)...)
	}
	return checks
}

func simulatorCheck(ctx context.Context, f Fixtures, folders []string) []Check {
	if f.Simulator == nil {
		return []Check{{"simulator", "", fmt.Errorf("the fixtures name none, so most cases are NOT_TESTABLE")}}
	}
	s, err := subject.StartSimulator(ctx, *f.Simulator, folders...)
	if err != nil {
		return []Check{{"simulator", "", err}}
	}
	hello := s.Client.Hello()
	lacking := map[string]bool{}
	for _, c := range Cases() {
		for _, a := range c.Uses {
			if !s.Client.Can(a) {
				lacking[string(a)] = true
			}
		}
	}
	note := fmt.Sprintf("%s %s", hello.Name, hello.Version)
	if len(lacking) > 0 {
		var words []string
		for word := range lacking {
			words = append(words, word)
		}
		note += "; cannot " + strings.Join(words, ", ")
	}
	return []Check{{"simulator", note, nil}, {"simulator stops", "", s.Close()}}
}
