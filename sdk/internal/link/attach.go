package link

// AttachKey is the variable by which a person who starts a connector by hand, under a
// debugger, names the file that says where it listens. A host never sets it.
const AttachKey = "CONNECTOR_ATTACH"

// MaxAttachment is the largest such file in bytes.
const MaxAttachment = 4 << 10

// An Attachment is what that file holds, as JSON. The file is its owner's alone, is
// written in one step, and is removed by an orderly end. What it names is not TLS: who
// may enter the socket's directory may call the connector.
type Attachment struct {
	PID      int    `json:"pid"`
	Socket   string `json:"socket"`   // absolute path, in a directory of its own with mode 0700
	Contract int    `json:"contract"` // version of the contract that is served
}
