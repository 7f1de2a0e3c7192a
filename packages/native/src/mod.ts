/**
 * What JavaScript cannot reach by itself: network namespaces, netlink and datagram sockets, socket
 * options, bpf(2). Linux only; a thin typed layer over one addon, built by `make -C
 * packages/native`.
 * @module
 */
export type {
  BpfLinkInfo,
  BpfMapInfo,
  BpfProgramInfo,
  BpfTestRun,
  LoadedBpfObject,
} from "./bpf.ts";
export {
  BpfLoadError,
  bpfAttachType,
  bpfBtfBytes,
  bpfLinkInfo,
  bpfMapInfo,
  bpfMapType,
  bpfProgramInfo,
  bpfUpdateFlag,
  createBpfLink,
  detachBpfLink,
  getPinnedBpf,
  isBpfFs,
  loadBpfObject,
  mountBpfFs,
  pinBpf,
  possibleCpuCount,
  RawBpfMap,
  testRunBpfProgram,
  updateBpfLink,
} from "./bpf.ts";
export type {
  DatagramEvents,
  DatagramSocketOptions,
  ReceivedDatagram,
} from "./datagram-socket.ts";
export { DatagramSocket } from "./datagram-socket.ts";
export { Fd } from "./fd.ts";
export { Icmp6Socket } from "./icmp6-socket.ts";
export type { NetlinkMessage } from "./netlink-frame.ts";
export {
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  splitMessages,
} from "./netlink-frame.ts";
export type {
  NetlinkAck,
  NetlinkMonitorEvents,
  NetlinkReply,
  NetlinkSocketOptions,
} from "./netlink-socket.ts";
export {
  NETLINK_ROUTE,
  NetlinkMonitor,
  NetlinkSocket,
  transactionCountMax,
} from "./netlink-socket.ts";
export { createNetns, enterNetns, netnsOf, openNetns, ownNetns, withNetns } from "./netns.ts";
export type { PollEvent } from "./poll.ts";
export { Poll } from "./poll.ts";
export type {
  ConnectOptions,
  Endpoint,
  ListenOptions,
  Md5Key,
  SocketType,
  TcpOptions,
} from "./socket.ts";
export {
  bindSocket,
  bindToDevice,
  connectIn,
  listenIn,
  localPort,
  peerOf,
  setMinTtl,
  setTcpMd5,
  setTrafficClass,
  setTtl,
  socketIn,
} from "./socket.ts";
export type { ErrnoName } from "./system-error.ts";
export { errnoName, errnoText, SystemError } from "./system-error.ts";
