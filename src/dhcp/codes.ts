// The numbers of DHCP: message types and options, by the names of their RFCs.

/** Option 53 (RFC 2132 9.6). */
export const messageTypes = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const

export type MessageType = keyof typeof messageTypes

/** RFC 2132, RFC 3011, RFC 3046, RFC 4578; 175 is iPXE's own (src/include/ipxe/dhcp.h). */
export const options = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  domainNameServer: 6,
  hostName: 12,
  domainName: 15,
  broadcastAddress: 28,
  ntpServers: 42,
  vendorSpecific: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maximumMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientIdentifier: 61,
  tftpServerName: 66,
  bootfileName: 67,
  userClass: 77,
  relayAgentInformation: 82,
  architecture: 93,
  networkInterface: 94,
  machineIdentifier: 97,
  subnetSelection: 118,
  ipxeEncapsulated: 175,
  configurationFile: 209,
  pathPrefix: 210,
  end: 255,
} as const

/** Of option 82: RFC 3527 and RFC 5107. */
export const relaySubOptions = { linkSelection: 5, serverIdentifierOverride: 11 } as const

/** Of option 175: what an iPXE can do. */
export const ipxeFeatures = { http: 0x13, tftp: 0x15 } as const

/** Of option 43 from and to a PXE client (PXE 2.1 table 2-1). */
export const pxeSubOptions = {
  discoveryControl: 6,
  bootMenu: 9,
  menuPrompt: 10,
  bootItem: 71,
  end: 255,
} as const
