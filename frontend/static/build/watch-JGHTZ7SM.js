import{b as S,c as x}from"./chunk-NZVKD3LE.js";import{a as K,b as L}from"./chunk-FQK6MMFY.js";import{a as y,b as w}from"./chunk-TR4JMUSU.js";import{b as m,c as v,d as _,e as g,f as N}from"./chunk-T56SKGCD.js";var p=m(v(),1);var D=`subscription ExecutionsChanged {
  executionsChanged {
    __typename
  }
}
`;var M=`query ApprovalsWaiting {
  approvals(first: 1) {
    totalCount
  }
}
`;var c=m(v(),1);var O=`query Notifications($first: Int = 20, $after: Cursor, $filter: NotificationFilter) {
  notifications(first: $first, after: $after, filter: $filter) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id title message priority source createdAt readAt }
  }
}
`;var P=`subscription NotificationsChanged {
  notificationsChanged { unread }
}
`;var E=`mutation ReadNotifications($input: ReadNotificationsInput!) {
  readNotifications(input: $input) {
    unread
    errors { code message path }
  }
}
`;var z=`mutation DismissNotifications($input: DismissNotificationsInput!) {
  dismissNotifications(input: $input) {
    unread
    errors { code message path }
  }
}
`;var e=m(g(),1);function Y(){let[t,i]=(0,c.useState)(0),[n,o]=(0,c.useState)(0);return(0,c.useEffect)(()=>y().subscribe({query:P},{next:({data:r})=>{r?.notificationsChanged&&(i(r.notificationsChanged.unread),o(l=>l+1))},error:r=>console.warn("The bell is not live:",r),complete:()=>{}}),[]),[t,i,n]}var Z=({source:t})=>t?.kind==="approval"&&t.approvalId?"/approvals":t?.kind==="budget"?"/costs":t?.executionId?`/executions/${t.executionId}${t.stepKey?`?step=${encodeURIComponent(t.stepKey)}`:""}`:null;function j({one:t,onOpen:i,onDismiss:n}){let o=Z(t),r=(0,e.jsxs)(e.Fragment,{children:[(0,e.jsx)("strong",{children:t.title}),(0,e.jsx)("span",{className:"told",children:t.message}),(0,e.jsx)("small",{children:(0,e.jsx)("bb-ago",{value:t.createdAt})})]});return(0,e.jsxs)("li",{"data-unread":t.readAt?void 0:"yes","data-priority":t.priority,children:[(0,e.jsx)("i",{"aria-hidden":"true"}),o?(0,e.jsx)("a",{href:o,onClick:()=>i(t),children:r}):(0,e.jsx)("button",{type:"button",className:"plain",onClick:()=>i(t),children:r}),t.readAt?null:(0,e.jsx)("span",{className:"visually-hidden",children:"not read"}),(0,e.jsx)("button",{type:"button",className:"icon-button","aria-label":`Put away: ${t.title}`,title:"Put away",onClick:()=>n(t),children:(0,e.jsx)(N,{name:"x"})})]})}function tt({items:t,problem:i,unread:n,more:o,onOpen:r,onDismiss:l,onReadAll:d,onMore:$}){return(0,e.jsxs)("div",{className:"bell-list",role:"dialog","aria-label":"Notifications",children:[(0,e.jsxs)("header",{children:[(0,e.jsx)("h2",{children:"Notifications"}),(0,e.jsx)("span",{className:"spacer"}),(0,e.jsxs)("button",{type:"button",className:"button small quiet",disabled:!n,onClick:d,children:[(0,e.jsx)(N,{name:"check"})," Mark all read"]})]}),i?(0,e.jsx)("p",{className:"note",role:"alert",children:i}):null,t===null&&!i?(0,e.jsxs)("div",{className:"skeleton-lines","aria-hidden":"true",children:[(0,e.jsx)("i",{}),(0,e.jsx)("i",{}),(0,e.jsx)("i",{})]}):null,t?.length===0?(0,e.jsxs)("p",{className:"bell-none",children:[(0,e.jsx)(N,{name:"inbox"}),"Nothing to tell. Bots write here with ",(0,e.jsx)("code",{children:"send_notification"}),"; what waits for you is told here, too."]}):null,t?.length?(0,e.jsx)("ul",{children:t.map(f=>(0,e.jsx)(j,{one:f,onOpen:r,onDismiss:l},f.id))}):null,o?(0,e.jsx)("button",{type:"button",className:"button small quiet more",onClick:$,children:"Older ones"}):null]})}function et(){let[t,i,n]=Y(),[o,r]=(0,c.useState)(!1),[l,d]=(0,c.useState)({items:null,size:20,more:!1}),[$,f]=(0,c.useState)(null),T=(0,c.useRef)(null);(0,c.useEffect)(()=>{if(!o)return;let a=!1;return w(O,{first:l.size}).then(s=>{a||(f(null),d(u=>({...u,items:s.notifications.nodes,more:s.notifications.pageInfo.hasNextPage})))}).catch(s=>{a||f(s.message)}),()=>{a=!0}},[o,n,l.size]),(0,c.useEffect)(()=>{if(!o)return;let a=u=>{T.current?.contains(u.target)||r(!1)},s=u=>{u.key==="Escape"&&(r(!1),T.current?.querySelector("button").focus())};return document.addEventListener("pointerdown",a),document.addEventListener("keydown",s),()=>{document.removeEventListener("pointerdown",a),document.removeEventListener("keydown",s)}},[o]);let q=(a,s,u)=>{d(b=>({...b,items:u(b.items||[])})),w(a,{input:s}).then(b=>{let k=Object.values(b)[0];k.errors.length?f(k.errors[0].message):k.unread!==null&&i(k.unread)}).catch(b=>f(b.message))},I=()=>new Date().toISOString(),Q=a=>{r(!1),a.readAt||q(E,{ids:[a.id]},s=>s.map(u=>u.id===a.id?{...u,readAt:I()}:u))},R=t?`Notifications, ${t} not read`:"Notifications";return(0,e.jsxs)("div",{className:"bell",ref:T,children:[(0,e.jsxs)("button",{type:"button",className:"icon-button","aria-label":R,title:R,"aria-expanded":o,onClick:()=>r(!o),"data-offline-ok":!0,children:[(0,e.jsx)(N,{name:"bell"}),t?(0,e.jsx)("span",{className:"count",children:t>99?"99+":t}):null,(0,e.jsx)("span",{className:"bell-word","aria-hidden":"true",children:"Alerts"})]}),o?(0,e.jsx)(tt,{items:l.items,problem:$,unread:t,more:l.more,onOpen:Q,onDismiss:a=>q(z,{ids:[a.id]},s=>s.filter(u=>u.id!==a.id)),onReadAll:()=>q(E,{},a=>a.map(s=>({...s,readAt:s.readAt||I()}))),onMore:()=>d(a=>({...a,size:Math.min(a.size+20,100)}))}):null]})}var U=m(v(),1),nt=t=>t.closest?.("input, textarea, select, [contenteditable], dialog, [role=menu]");function ot({rows:t}){return(0,U.useEffect)(()=>{let i=n=>{if(n.ctrlKey||n.metaKey||n.altKey||nt(n.target))return;let o=[...document.querySelectorAll(t)],r=o.indexOf(document.activeElement),l={j:1,k:-1,...r>=0?{ArrowDown:1,ArrowUp:-1}:{}}[n.key],d=l&&o[r<0?0:r+l];d&&(n.preventDefault(),d.focus(),d.scrollIntoView({block:"nearest"}))};return window.addEventListener("keydown",i),()=>window.removeEventListener("keydown",i)},[t]),null}var C=m(v(),1);var W=`subscription MetricsTick {
  metricsTick {
    queued
    running
    waiting
    started
    failed
    tokens
    cost
  }
}
`;var h=m(g(),1),rt=[["Running",t=>t.running],["Queued",t=>t.queued],["Waiting",t=>t.waiting],["Started / min",t=>x(t.started)],["Failed / min",t=>x(t.failed)],["Tokens / min",t=>x(t.tokens)],["Cost / min",t=>S(t.cost)]];function at(){let[t,i]=(0,C.useState)(null);return(0,C.useEffect)(()=>y().subscribe({query:W},{next:n=>{n.data?.metricsTick&&i(n.data.metricsTick)},error:n=>console.warn("The figures are not live:",n),complete:()=>{}}),[]),(0,h.jsx)("dl",{className:"fact-strip","aria-label":"Now",children:rt.map(([n,o])=>(0,h.jsxs)("div",{children:[(0,h.jsx)("dt",{children:n}),(0,h.jsx)("dd",{children:t?o(t):"…"})]},n))})}var A=m(g(),1);function F(t,i){let n=(0,p.useRef)(t);n.current=t,(0,p.useEffect)(()=>{let o=0,r=()=>{o=0,L()&&n.current()},l=y().subscribe({query:D},{next:()=>{o||=setTimeout(r,i)},error:d=>console.warn("The list is not live:",d),complete:()=>{}});return()=>{clearTimeout(o),l()}},[])}function It({onChange:t}){return F(()=>K(t),1e3),null}function Rt(){let[t,i]=(0,p.useState)(0),n=async()=>{try{i((await w(M,{})).approvals.totalCount)}catch(o){console.warn("The questions could not be counted:",o)}};return(0,p.useEffect)(()=>{n()},[]),F(n,1500),t?(0,A.jsxs)("span",{className:"count",children:[t,(0,A.jsx)("span",{className:"visually-hidden",children:" waiting"})]}):null}export{et as Notifications,at as Now,ot as RowKeys,Rt as WaitingCount,It as Watch,_ as bind};
