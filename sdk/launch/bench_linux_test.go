package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// BenchmarkStart measures the time from starting a program to its first answer, and
// its end: what a swap costs. The rows are meant to be compared with each other.
func BenchmarkStart(b *testing.B) {
	self, digest := selfAndDigest(b)
	for name, walls := range map[string]*Confinement{"launch": nil, "launch confined": {Read: []string{"/proc"}, Memory: 512 << 20}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p, err := Start(b.Context(), Config{
					Path: self, SHA256: hex.EncodeToString(digest), Env: childEnv("connector"),
					StartTimeout: patience, DescribeTimeout: patience, Egress: &Egress{}, Confine: walls,
				})
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Stop(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("go-plugin", func(b *testing.B) {
		for b.Loop() {
			cmd := exec.Command(self)
			cmd.Env = childEnv("connector")
			client := plugin.NewClient(&plugin.ClientConfig{
				HandshakeConfig:  link.Handshake(),
				VersionedPlugins: map[int]plugin.PluginSet{sdk.ContractVersion: {link.Plugin: dispenser{}}},
				Cmd:              cmd,
				AutoMTLS:         true,
				SecureConfig:     &plugin.SecureConfig{Checksum: digest, Hash: sha256.New()},
				AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
				Logger:           hclog.NewNullLogger(),
			})
			describePlainly(b, client)
			client.Kill()
		}
	})
}

func describePlainly(b *testing.B, client *plugin.Client) {
	b.Helper()
	protocol, err := client.Client()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := protocol.Dispense(link.Plugin)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := raw.(sdk.Remote).Describe(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func selfAndDigest(b *testing.B) (string, []byte) {
	b.Helper()
	p, err := Start(b.Context(), Config{
		Path: selfPath(b), Env: childEnv("connector"), StartTimeout: patience, DescribeTimeout: patience,
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
	digest, err := hex.DecodeString(p.Digest())
	if err != nil {
		b.Fatal(err)
	}
	return selfPath(b), digest
}
